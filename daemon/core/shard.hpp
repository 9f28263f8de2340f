// What there is one of for each primary of the store: its clock, its health, what it has lost, and
// who is to be asked for next. A single Redis is one shard. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "daemon/core/ids.hpp"
#include "daemon/core/line_queue.hpp"
#include "daemon/core/lost_windows.hpp"
#include "daemon/core/store_clock.hpp"
#include "daemon/core/store_health.hpp"
#include "daemon/limit/limit_table.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

// So far the clocks of two primaries may be apart of which one takes the other's place, or counters
// of the other.
inline constexpr std::int64_t kMaxSkewUs = 500'000;

struct Shard {
  explicit Shard(const StoreClock::Options& clock_options) : clock(clock_options) {}

  StoreClock clock;
  StoreHealth health;
  LostWindows lost;
  Mono lost_by{INT64_MIN / 2};        // it was lost by then, the last of it
  Mono down_since{INT64_MIN / 2};     // since it was up last, where it is not
  Mono tries_again;                   // when it is connected to again, while it is away
  std::int64_t round_trip_us = 1000;  // smoothed
  // It still had its data then, as the last answer to a reservation has said.
  StoreTime had_data;

  LineQueue lines;  // before whose counters checks wait
  // Those of them whose checks have too little time left while calls under way take as long as the
  // last ones did. They have enough once that has passed, as after a store that stood still.
  LineQueue aside;
  std::deque<CounterId> leases;  // counters that want a lease and have no check waiting
  // Whether a reservation may be composed for anybody.
  bool has_to_ask() const { return !lines.empty() || !leases.empty() || !aside.empty(); }

  std::vector<CounterId> unmeasured;  // whose checks wait for the clock to be measured
  bool measure_wanted = false;
  std::deque<Release> releases;  // not written yet
  std::deque<Clear> clears;      // the same
  // This host knows of permits in windows up to then which are to be counted on if they are lost
  // (see Recounter), or of buckets that are full by then, so that it has to hear of it when they
  // are. Ms of the store's clock.
  std::int64_t knows_until_ms = 0;
  std::uint64_t not_asked = 0;  // checks whose time was over before they could be asked for

  // Until when a counter lives at least: it outlives its window by the clock's bound, and by a
  // second for hosts that lag.
  std::int64_t expire_at_ms(const Window& window) const {
    return window.end_ms + clock.options().max_error_us / 1000 + 1000;
  }

  // The reading, where windows of the limit, if it has any, can be told by it.
  std::optional<ClockReading> usable(const Limit& limit, Mono now) const {
    const auto reading = clock.read(now);
    if (!reading || !clock.trusts(*reading)) return std::nullopt;
    const bool tells_windows =
        !limit.algorithm->has_windows || precise_enough(*reading, limit.period_ms);
    return tells_windows ? reading : std::nullopt;
  }
  // Where that lies among its windows; in none, where there is no such reading.
  Placed place(LimitUse& use, Mono now) const {
    const auto reading = usable(*use.limit, now);
    return reading ? use.place(*reading) : Placed{};
  }
};

}  // namespace rategate
