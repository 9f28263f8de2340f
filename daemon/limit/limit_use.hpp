// A limit in use: its numbers, and what is the same for all of its counters. Not thread-safe.
#pragma once

#include <algorithm>
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
class KeyUses;
struct LimitUse;
using LimitUsePtr = std::shared_ptr<LimitUse>;

// Over how long the spending of its permits is counted, so that leases follow it.
std::int64_t demand_us_of(const Limit& limit, std::int64_t fill_us);

// Decisions of a limit since it is in use, those by its rules for keys included. Its place is what
// these have in common, so that a key has one counter, whichever rule it is found to have.
struct LimitTally {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t shadow_denied = 0;
  std::uint64_t near = 0;  // of the allowed ones
  // Permits that clients spent in shared memory. It never falls: what they put back is taken off
  // what they spend next.
  std::uint64_t shared = 0;
  std::int64_t put_back = 0;  // and not taken off yet
  void spent_by_clients(std::int64_t permits) {
    const std::int64_t again = std::min(permits, put_back);
    put_back -= again;
    shared += static_cast<std::uint64_t>(permits - again);
  }
};

// A limit in use. The object is the limit's identity: other numbers are another object, and another
// rule in shared memory.
struct LimitUse : std::enable_shared_from_this<LimitUse> {
  explicit LimitUse(LimitPtr l, std::uint64_t r = 0)
      : limit(std::move(l)),
        names(counter_names(*limit)),
        most_cost(rategate::most_cost(*limit)),
        fill_rate(limit->algorithm == &kTokenBucket
                      ? rategate::fill_rate(limit->permits, limit->period_ms)
                      : FillRate{}),
        log(log_numbers_of(*limit)),
        fill_us(comes_back_us(*limit)),
        slices(rategate::slices_of(*limit)),
        demand_us(demand_us_of(*limit, fill_us)),
        rule(r),
        near_left(rategate::near_left(*limit)),
        leased(is_leased(*limit)),
        blocks(blocks_keys(*limit)),
        is_entered(is_concurrency(*limit)) {}
  LimitPtr limit;
  CounterNames names;      // of its counters
  std::int64_t most_cost;  // of a check that can fit
  FillRate fill_rate;      // of its buckets, where they are such
  LogNumbers log;          // of its logs, where they are such
  std::int64_t fill_us;    // how long an empty one takes to be full: see comes_back_us()
  BucketSlices slices;     // in which their permits are leased; none: they are not
  std::int64_t demand_us;  // see demand_us_of()
  // Its id, below 2^RG_RULE_BITS and never given twice; 0: not for shared memory. What rules for
  // keys make of it has the same.
  std::uint64_t rule;
  std::int64_t near_left;  // see near_left()
  bool leased;             // permits are reserved ahead
  bool blocks;             // see blocks_keys()
  bool is_entered;         // of concurrency: no check is of it
  bool dropped = false;    // by a reload: what it holds is given up
  // Its counters have other names since a reload: what was given out in windows that began by this
  // moment (ms of the store's clock) is counted elsewhere, so nothing more is given out in them.
  std::int64_t moved_ms = INT64_MIN;
  std::shared_ptr<LimitTally> tally = std::make_shared<LimitTally>();
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
  // What a check of the limit has to keep, where it has several windows or a parent: one limit for
  // each of its windows, and what is above it. Nothing is counted in the limit itself then.
  std::vector<LimitUsePtr> windows;
  LimitUsePtr parent;
  bool is_combined() const { return !windows.empty(); }
  // What answers tell of: the limit, or the one that is spread.
  LimitPtr shown = limit;
  // What its rules for keys make of it; null: there are none. Its `subs` have the same.
  std::shared_ptr<KeyUses> by_key;
  bool is_sub() const { return !spread_of.expired(); }
  // Whether programs may spend its permits in shared memory, where pools are found by the keys that
  // programs give. None of a limit that blocks keys: what lies there would be granted while its key
  // is blocked.
  bool is_shared() const {
    return is_found() && leased && !blocks && limit->kind == KeyRuleKind::Limited;
  }
  // Whether clients can find what is shown of its keys in shared memory.
  bool is_found() const { return rule != 0 && limit->key == KeyKind::Text && !is_combined(); }
  bool leases() const { return subs.empty() ? leased : subs.front()->leased; }
  // One of those counts, that of its subs included: in_all(&LimitTally::allowed).
  std::uint64_t in_all(std::uint64_t LimitTally::* count) const;

  // Where the reading lies among the limit's windows; without a division while one lasts.
  Placed place(const ClockReading& reading) {
    if (reading.earliest.us >= window.start_ms * 1000 && reading.latest.us < window.end_ms * 1000) {
      return {window, true, 0};
    }
    return place_anew(reading);
  }
  // The window that ends then, if one does; and the one that comes after one.
  Window window_ending(std::int64_t end_ms) const;
  Window next_after(const Window& before) const;
  // Windows that follow each other have another one: 0 or 1.
  int parity_of(const Window& of) const;

 private:
  Placed place_anew(const ClockReading& reading);
};

}  // namespace rategate
