// A limit in use: its numbers, and what is the same for all of its counters. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/base/id.hpp"
#include "daemon/base/time.hpp"
#include "daemon/limit/clock_reading.hpp"
#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

struct Counter;  // of the gate
struct LimitUse;
using LimitUsePtr = std::shared_ptr<LimitUse>;

// Over how long the spending of its permits is counted, so that leases follow it.
std::int64_t demand_us_of(const Limit& limit, std::int64_t fill_us);

// A limit in use. The object is the limit's identity: other numbers are another object, and another
// rule in shared memory.
struct LimitUse {
  explicit LimitUse(LimitPtr l, std::uint64_t r = 0)
      : limit(std::move(l)),
        names(limit->redis_key, limit->name, limit->period_ms, limit->sub),
        most_cost(rategate::most_cost(*limit)),
        fill_rate(limit->algorithm->has_windows
                      ? FillRate{}
                      : rategate::fill_rate(limit->permits, limit->period_ms)),
        fill_us(limit->algorithm->has_windows ? 0 : rategate::fill_us(fill_rate, burst_of(*limit))),
        slices(is_leased(*limit) && fill_us > 0 ? slices_of(fill_us) : BucketSlices{}),
        demand_us(demand_us_of(*limit, fill_us)),
        rule(r),
        leased(is_leased(*limit)) {}
  LimitPtr limit;
  CounterNames names;      // of its counters
  std::int64_t most_cost;  // of a check that can fit
  FillRate fill_rate;      // of its buckets, where they are such
  std::int64_t fill_us;    // how long an empty one takes
  BucketSlices slices;     // in which their permits are leased; none: they are not
  std::int64_t demand_us;  // see demand_us_of()
  std::uint64_t rule;      // its id, never given twice; 0: not for shared memory
  bool leased;             // permits are reserved ahead
  bool dropped = false;    // by a reload: what it holds is given up
  // Its counters have other names since a reload: what was given out in windows that began by this
  // moment (ms of the store's clock) is counted elsewhere, so nothing more is given out in them.
  std::int64_t moved_ms = INT64_MIN;
  std::uint64_t allowed = 0;  // decisions since it is in use
  std::uint64_t denied = 0;
  std::uint64_t shared = 0;  // permits that clients spent in shared memory
  // What makes the next check cheaper: the window that was open last, and the place of the counter
  // without a key among the gate's.
  Window window;
  Id<Counter> keyless;
  // The store refuses this limit's counters (an ACL, say): until that moment it is not asked, and
  // as long as `refusals` is not 0 its counters share calls with nobody's.
  Mono refused_until;
  Mono refusal_told{INT64_MIN};
  std::uint8_t refusals = 0;

  // Of a limit that is spread: the limits whose counters are its own, in the order in which this
  // host goes through them. Nothing is counted in the limit itself then.
  std::vector<LimitUsePtr> subs;
  // Of each of those: the limit that is spread, which one of its `subs` this is, and the permits
  // of those that come after it.
  std::weak_ptr<LimitUse> spread_of;
  std::size_t sub = 0;
  std::int64_t permits_after = 0;
  // What answers tell of: the limit, or the one that is spread.
  LimitPtr shown = limit;
  bool is_sub() const { return !spread_of.expired(); }
  // Whether programs may spend its permits in shared memory, which knows of windows alone.
  bool is_shared() const { return leased && limit->algorithm->has_windows; }
  bool leases() const { return subs.empty() ? leased : subs.front()->leased; }
  // One of those counts, that of its subs included: in_all(&LimitUse::allowed).
  std::uint64_t in_all(std::uint64_t LimitUse::* count) const;

  // Where the reading lies among the limit's windows; without a division while one lasts.
  Placed place(const ClockReading& reading) {
    if (reading.earliest.us >= window.start_ms * 1000 && reading.latest.us < window.end_ms * 1000) {
      return {window, true, 0};
    }
    return place_anew(reading);
  }

 private:
  Placed place_anew(const ClockReading& reading);
};

}  // namespace rategate
