// The counters that this host knows of, found by (limit, key): their pools and the lines of checks
// before them. Slots stay where they are and are reused; how many are remembered is bounded.
//
// There may be very many, nearly all of them at rest: what only a few need at a time, because
// checks wait for them or because the gate comes back to them by itself, is kept apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "daemon/base/slab.hpp"
#include "daemon/core/compact_key.hpp"
#include "daemon/core/counter_index.hpp"
#include "daemon/core/demand.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/core/known_bucket.hpp"
#include "daemon/core/line.hpp"
#include "daemon/core/pool.hpp"
#include "daemon/core/schedule.hpp"
#include "daemon/core/sip_hash.hpp"
#include "daemon/limit/limit_table.hpp"

namespace rategate {

struct Counter {
  LimitUse* use = nullptr;  // held by Counters
  CompactKey key;
  Pool pool;
  Demand demand;
  std::unique_ptr<KnownBucket> bucket;  // null: it is none, or nothing is known of it
  LineId line;                          // none: no check waits
  ScheduleId schedule;                  // none: the gate has never wanted to come back to it
  std::uint32_t last_lease : 24 = 0;    // at most kMaxHeld
  std::uint32_t told_in : 8 = 0;        // the shard that was told what is known of it, last
  ShardId shard;                        // of the store, that it is counted in
  std::uint8_t measurements : 3 = 0;    // made for those that wait, and not good enough
  std::uint8_t cost_log2 : 5 = 0;       // of the costs that are usual
  bool renew : 1 = false;               // the pool is low: its lease is to be renewed
  bool renew_next : 1 = false;          // a lease of the next window is to be reserved
  bool confirm : 1 = false;             // the store is to say that it has what was booked
  bool lease_listed : 1 = false;        // it stands among those that want a lease
  bool recount_listed : 1 = false;      // what is known of it is to be told
  bool clearing : 1 = false;            // it is to begin anew, and not asked for until it has
  bool unmeasured : 1 = false;          // its checks wait for the clock to be measured
  bool live : 1 = false;
};
static_assert(sizeof(Counter) <= 120, "there are very many of them");

class Counters {
 public:
  explicit Counters(const HashSeed& seed) : seed_(seed) {}

  // The number of the key's counter, a new one if need be, of that shard. What it is counted by is
  // what the limit's rules for keys make of it, found once, when the counter is new. `may_forget`
  // tells of an idle counter whether its windows are over, and what it holds was let go: for each
  // new one two others are looked at, and forgotten where it is so, so that what is forgotten keeps
  // up with what is new. Beyond a bound on idle counters it is asked to let go of them before
  // (`crowded`).
  using MayForget = std::function<bool(Counter&, bool crowded)>;
  CounterId find_or_add(const LimitUsePtr& use, std::string_view key, ShardId shard,
                        const MayForget& may_forget);

  Counter& operator[](CounterId id) { return slots_[id]; }
  const Counter& operator[](CounterId id) const { return slots_[id]; }
  bool contains(CounterId id) const { return slots_.contains(id); }
  // Whether there is one of that number now, be it another one than before.
  bool is_live(CounterId id) const { return contains(id) && slots_[id].live; }
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t at = 0; at < slots_.size(); ++at) {
      if (slots_[{at}].live) visit(slots_[{at}]);
    }
  }
  // The same, by number; the visit may change the counter.
  template <class Visit>
  void for_each_id(Visit visit) {
    for_some_ids({0}, slots_.size(), visit);
  }
  // The same in parts: those from that number on, so many at most. Where the next part begins;
  // none: that was the last one.
  template <class Visit>
  CounterId for_some_ids(CounterId from, std::uint32_t most, Visit visit) {
    const std::uint32_t end = slots_.size() - from.value > most ? from.value + most : slots_.size();
    for (std::uint32_t at = from.value; at < end; ++at) {
      if (slots_[{at}].live) visit(CounterId{at});
    }
    return end < slots_.size() ? CounterId{end} : CounterId{};
  }
  std::size_t size() const { return index_.size(); }

  Slab<Line>& lines() { return lines_; }
  const Slab<Line>& lines() const { return lines_; }
  // Each line, and the counter that it is before; the visit may change both.
  template <class Visit>
  void each_line(const Visit& visit) {
    for (std::uint32_t at = 0; at < lines_.size(); ++at) {
      Line& line = lines_[{at}];
      if (!line.counter.is_none()) visit(line.counter, line);
    }
  }
  // The line before the counter; null where nothing waits.
  Line* line(const Counter& counter) {
    return counter.line.is_none() ? nullptr : &lines_[counter.line];
  }
  const Line* line(const Counter& counter) const {
    return counter.line.is_none() ? nullptr : &lines_[counter.line];
  }
  Line& make_line(CounterId id);
  // To be called when some of it has ended.
  void ended_line(Counter& counter);

  // Null where the gate has never wanted to come back to it.
  Schedule* schedule(const Counter& counter) {
    return counter.schedule.is_none() ? nullptr : &schedules_[counter.schedule];
  }
  Schedule& make_schedule(Counter& counter);

 private:
  // Keeps the limit for as long as counters are of it.
  struct Held {
    LimitUsePtr use;
    std::size_t counters = 0;
  };

  std::uint32_t hash(const LimitUse* use, std::string_view key) const;
  void forget_if(CounterId id, const MayForget& may_forget);

  HashSeed seed_;
  Slab<Counter> slots_;
  CounterIndex index_;
  Slab<Line> lines_;
  Slab<Schedule> schedules_;
  std::unordered_map<const LimitUse*, Held> held_;
  CounterId sweep_at_{0};
};

}  // namespace rategate
