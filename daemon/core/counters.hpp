// The counters that this host knows of, found by (limit, key): their pools and the lines of checks
// before them. Slots stay where they are and are reused; how many are remembered is bounded.
//
// There may be very many, nearly all of them at rest: what only a few need at a time, because
// checks wait for them or because the gate comes back to them by itself, is kept apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "daemon/base/slab.hpp"
#include "daemon/core/compact_key.hpp"
#include "daemon/core/counter_index.hpp"
#include "daemon/core/demand.hpp"
#include "daemon/core/pool.hpp"
#include "daemon/core/sip_hash.hpp"
#include "daemon/core/waiters.hpp"
#include "daemon/limit/limit_table.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

// The checks that wait for a counter, and what was asked of the store for them.
struct Waiting {
  Waiters::Line due;              // not asked for yet
  Waiters::Line asked;            // part of the reservation under way
  std::uint64_t reservation = 0;  // its id; 0: none is under way
  Window window;                  // of the reservation
  CostRuns costs;                 // of it
  bool over() const { return reservation == 0 && due.empty() && asked.empty(); }
};

// When the gate comes back to a counter by itself, and what for.
struct Schedule {
  Mono wake = kNever;
  Mono used;                        // when permits were last spent
  Mono believe_until;               // that it is exhausted, in a long window
  std::int64_t prepared_ms = 0;     // the end of the last window that was reserved ahead
  std::int64_t lead_for_ms = 0;     // the end of the window before whose end ...
  std::int64_t lead_us = 0;         // ... by so much the next one is reserved
  std::int64_t believe_for_ms = 0;  // the window of believe_until and doubts
  std::uint8_t doubts = 0;          // how often it was exhausted again
};

struct Counter {
  LimitUse* use = nullptr;  // held by Counters
  CompactKey key;
  Pool pool;
  Demand demand;
  std::uint32_t waiting = Slab<Waiting>::kNone;
  std::uint32_t schedule = Slab<Schedule>::kNone;
  std::int32_t last_lease = 0;    // at most kMaxHeld
  std::uint8_t measurements = 0;  // made for those that wait, and not good enough
  bool refill : 1 = false;        // the pool is low
  bool prepare : 1 = false;       // the next window is to be reserved
  bool listed : 1 = false;        // the gate will come back to it on its next turn
  bool live : 1 = false;
};
static_assert(sizeof(Counter) <= 112, "there are very many of them");

class Counters {
 public:
  explicit Counters(const HashSeed& seed) : seed_(seed) {}

  // The counter's slot, a new one if need be. `may_forget` tells of an idle counter whether its
  // windows are over, and what it holds was let go: for each new one two others are looked at, and
  // forgotten where it is so, so that what is forgotten keeps up with what is new. Beyond a bound
  // on idle counters it is asked to let go of them before (`crowded`).
  using MayForget = std::function<bool(Counter&, bool crowded)>;
  std::uint32_t find_or_add(const LimitUsePtr& use, std::string_view key, const MayForget&);
  // Looks at all of them.
  void sweep(const MayForget& may_forget);

  Counter& operator[](std::uint32_t slot) { return slots_[slot]; }
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t slot = 0; slot < slots(); ++slot) {
      if (slots_[slot].live) visit(slots_[slot]);
    }
  }
  // Slots there are, free ones included.
  std::uint32_t slots() const { return slots_.size(); }
  std::size_t size() const { return index_.size(); }

  // What waits for the counter; null where nothing does.
  Waiting* waiting(const Counter& counter) {
    return counter.waiting == Slab<Waiting>::kNone ? nullptr : &waiting_[counter.waiting];
  }
  Waiting& make_waiting(Counter& counter);
  // To be called when some of it has ended.
  void ended_waiting(Counter& counter);

  // Null where the gate has never wanted to come back to it.
  Schedule* schedule(const Counter& counter) {
    return counter.schedule == Slab<Schedule>::kNone ? nullptr : &schedules_[counter.schedule];
  }
  Schedule& make_schedule(Counter& counter);

 private:
  // Keeps the limit for as long as counters are of it.
  struct Held {
    LimitUsePtr use;
    std::size_t counters = 0;
  };

  std::uint32_t hash(const LimitUse* use, std::string_view key) const;
  void forget_if(std::uint32_t slot, const MayForget& may_forget);

  HashSeed seed_;
  Slab<Counter> slots_;
  CounterIndex index_;
  Slab<Waiting> waiting_;
  Slab<Schedule> schedules_;
  std::unordered_map<const LimitUse*, Held> held_;
  std::uint32_t sweep_at_ = 0;
};

}  // namespace rategate
