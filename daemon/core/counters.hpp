// The counters that this host knows of, found by (limit, key): their pools and the lines of checks
// before them. Slots stay where they are and are reused; how many are remembered is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "daemon/core/demand.hpp"
#include "daemon/core/limit_table.hpp"
#include "daemon/core/pool.hpp"
#include "daemon/core/reservation.hpp"
#include "daemon/core/sip_hash.hpp"
#include "daemon/core/waiters.hpp"

namespace rategate {

struct Counter {
  LimitUsePtr use;
  std::string key;
  Pool pool;
  Waiters::Line due;              // not asked for yet
  Waiters::Line asked;            // part of the reservation under way
  std::uint64_t reservation = 0;  // its id; 0: none is under way
  Reservation request;            // what was asked
  Demand demand;
  Mono wake = kNever;  // when the gate comes back to it by itself
  Mono used;           // when permits were last spent
  Mono believe_until;  // that it is exhausted, in a long window
  std::int64_t last_lease = 0;
  std::int64_t prepared_ms = 0;     // the end of the last window that was reserved ahead
  std::int64_t lead_for_ms = 0;     // the end of the window before whose end ...
  std::int64_t lead_us = 0;         // ... by so much the next one is reserved
  std::int64_t believe_for_ms = 0;  // the window of believe_until and doubts
  std::uint32_t generation = 0;     // of the slot, so that an alarm does not meet another counter
  std::uint8_t doubts = 0;          // how often it was exhausted again
  bool refill = false;              // the pool is low
  bool prepare = false;             // the next window is to be reserved
  bool listed = false;              // the gate will come back to it on its next turn
  std::uint8_t measurements = 0;    // made for those that wait, and not good enough
  bool live = false;

  bool idle() const { return live && !listed && reservation == 0 && due.empty(); }
};

class Counters {
 public:
  explicit Counters(const HashSeed& seed) : seed_(seed), index_(16, Hash{this}, Equal{this}) {}
  Counters(const Counters&) = delete;  // its index points at it
  Counters& operator=(const Counters&) = delete;

  // The counter's slot, a new one if need be. `may_forget` tells of an idle counter whether its
  // windows are over, and what it holds was let go: for each new one two others are looked at, and
  // forgotten where it is so, so that what is forgotten keeps up with what is new. Beyond a bound
  // on idle counters it is asked to let go of them before (`crowded`).
  using MayForget = std::function<bool(Counter&, bool crowded)>;
  std::uint32_t find_or_add(const LimitUsePtr& use, std::string_view key, const MayForget&);
  // Looks at all of them.
  void sweep(const MayForget& may_forget);

  Counter& operator[](std::uint32_t slot) { return slots_[slot]; }
  // Slots there are, free ones included.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Counter& counter : slots_) {
      if (counter.live) visit(counter);
    }
  }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::size_t size() const { return index_.size(); }

 private:
  struct Ref {
    const LimitUse* use;
    std::string_view key;
  };
  struct Hash {
    using is_transparent = void;
    const Counters* counters;
    std::size_t operator()(std::uint32_t slot) const;
    std::size_t operator()(const Ref& ref) const;
  };
  struct Equal {
    using is_transparent = void;
    const Counters* counters;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(const Ref& ref, std::uint32_t slot) const;
    bool operator()(std::uint32_t slot, const Ref& ref) const { return (*this)(ref, slot); }
  };

  void forget_if(std::uint32_t slot, const MayForget& may_forget);

  HashSeed seed_;
  std::deque<Counter> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_set<std::uint32_t, Hash, Equal> index_;
  std::uint32_t sweep_at_ = 0;
};

}  // namespace rategate
