#include "tests/sim/crowds.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace rategate::sim {
namespace {

Scenario empty_scenario(std::uint64_t seed, Kind kind) {
  Scenario s;
  s.seed = seed;
  s.kind = kind;
  return s;
}

// Between two checks of a process, where all of them make so many.
std::int64_t gap_us_of(const Scenario& s, std::int64_t checks) {
  return std::max<std::int64_t>(1, s.length_us * s.hosts * s.processes / checks);
}

LimitPlan plain_limit(std::string name, Mode mode, std::int64_t permits, std::int64_t period_ms) {
  LimitPlan limit;
  limit.name = std::move(name);
  limit.permits = permits;
  limit.period_ms = period_ms;
  limit.mode = mode;
  limit.redis_key = kDefaultRedisKey;
  return limit;
}

// One that is met in some windows: `asked` of a counter in a window, and so many percent of it
// permitted.
LimitPlan busy_limit(Random& random, int number, std::int64_t asked, std::int64_t most_percent,
                     std::int64_t period_ms) {
  return plain_limit("limit" + std::to_string(number), random.one_in(3) ? Mode::Exact : Mode::Lease,
                     std::max<std::int64_t>(1, asked * random.between(20, most_percent) / 100),
                     period_ms);
}

}  // namespace

// Short, and with few checks a second: what is asked is measured against what the way passes.
Scenario overload_of(std::uint64_t seed, Random& random) {
  Scenario s = empty_scenario(seed, Kind::Overload);
  s.processes = 0;
  s.limits = {
      plain_limit("cold", random.one_in(3) ? Mode::Auto : Mode::Exact, 1'000'000, 3'600'000),
      plain_limit("hot", Mode::Lease, 1'000'000, 10'000)};
  // Within one hour, and within ten seconds of it.
  s.start_us = 1'700'000'000'200'000 + random.below(200) * 10'000'000;

  static constexpr std::int64_t kTimeouts[] = {100'000, 150'000, 250'000, 350'000};
  s.command_timeout_us = kTimeouts[random.below(4)];
  const std::int64_t trip_us = random.any_size(400, s.command_timeout_us * 43 / 100);
  s.least_delay_us = trip_us * 19 / 40;
  s.delay_us = std::max<std::int64_t>(1, trip_us / 40);

  // What passes in a time-out is 16 and more, and more than that on a long way, where an answer
  // that had to wait for others soon comes too late.
  const std::int64_t least = 17'000'000 / (s.command_timeout_us - 2 * trip_us);
  const std::int64_t rate = random.any_size(least, 1500);
  const std::int64_t demand =
      std::min<std::int64_t>(rate * random.any_size(700, 10'000) / 1000, 2000);
  // Hot keys' leases are a small part of what passes, or more than the eighth that is theirs: each
  // is renewed 16 times in a window (docs/leases.md), so 1.6 times a second.
  const bool crowded = rate <= 250 && random.one_in(2);
  s.hot_keys =
      static_cast<int>(crowded ? std::max<std::int64_t>(4, rate * random.between(10, 20) / 100)
                               : random.between(1, std::clamp<std::int64_t>(rate / 100, 1, 10)));
  s.hot_gap_us =
      1'000'000 / random.any_size(crowded ? 26 : 40, crowded ? 40 : 40 + 300 / s.hot_keys);
  s.hot_before_us = 1'000'000;
  const std::int64_t leases = s.hot_keys * 2;

  const std::int64_t settle_us = 2 * s.command_timeout_us + 5 * trip_us;
  // Until the window has found its size. Five times as many as may be under way then are when the
  // way falls to a fifth: they take five times r + F/4 (docs/overload.md), and a trip. The 16 trips
  // that the write-by goes by are those of two windows, of 8 calls each, after that; a third is on
  // its way. Few could be asked for meanwhile, so that the window grows too far, and is cut again
  // two windows later. That sum; it takes no longer from 32 to 512, by half as much again in each
  // trip (7 r + 7/8 F), and as many windows until that is forgotten.
  const std::int64_t found_us = 11 * trip_us + 5 * (s.command_timeout_us - trip_us) / 2;
  const bool falls = random.one_in(2);
  s.phases = {{found_us, 400'000, falls ? 5 * rate : rate,
               falls ? demand : std::min(demand, rate * 7 / 10 - leases)},
              {found_us, 600'000, rate, demand},
              {settle_us, 400'000, rate, std::min(rate / 2, rate * 7 / 10 - leases)}};
  s.length_us = 6 * trip_us + 50'000 + s.hot_before_us;  // by then the store has been greeted
  for (const Phase& phase : s.phases) s.length_us += phase.settle_us + phase.judged_us;

  s.modest = static_cast<int>(random.between(1, 10));
  const std::int64_t clients = s.modest + 2 + (crowded ? s.hot_keys : 0);
  const std::int64_t share_us = clients * 1'000'000 * 8 / (7 * rate);  // between two checks
  s.modest_gap_us = share_us * 100 / random.between(10, 50);
  // Longer than the third of the time-out beyond which it leaves more of a round trip behind than
  // of its time to who has waited.
  if (trip_us <= s.command_timeout_us / 8 && random.one_in(2)) {
    s.stall_us = s.command_timeout_us * random.between(35, 55) / 100;
    // It is one more change of the way.
    const std::int64_t more_us = s.command_timeout_us / 8 + s.stall_us;
    s.phases.back().settle_us += more_us;
    s.length_us += more_us;
  }
  s.bursts = random.one_in(3);
  return s;
}

// Many counters a call, some of which the store does not take.
Scenario refusals_of(std::uint64_t seed, Random& random) {
  Scenario s = empty_scenario(seed, Kind::Refusals);
  s.hosts = static_cast<int>(random.between(1, 2));
  s.processes = 0;
  s.keys = static_cast<int>(random.between(4, 40));
  s.length_us = random.between(400'000, 2'000'000);
  s.start_us = 1'700'000'000'000'000 + random.below(3'000'000'000);
  s.delay_us = random.any_size(50, 1000);
  s.least_delay_us = random.any_size(50, 5000);
  s.gap_us = random.any_size(2000, 30'000);  // between two bursts
  s.max_cost = random.one_in(3) ? random.between(2, 10) : 1;
  const int limits = static_cast<int>(random.between(2, 5));
  for (int i = 0; i < limits; ++i) {
    static constexpr std::int64_t kPeriods[] = {500, 1000, 10'000, 3'600'000};
    s.limits.push_back(plain_limit("limit" + std::to_string(i),
                                   random.one_in(2) ? Mode::Exact : Mode::Lease,
                                   random.any_size(5, 1000), kPeriods[random.below(4)]));
    if (random.one_in(3)) s.limits.back().on_store_down = OnStoreDown::Error;
  }
  const auto any_key = [&](int limit) {
    const std::string begin = "rategate:{limit" + std::to_string(limit) + ":";
    return random.one_in(2) ? begin
                            : begin + "key" + std::to_string(random.below(s.keys) / 4 * 4) + "}";
  };
  s.forbidden.push_back(any_key(0));
  if (random.one_in(3)) s.forbidden.push_back(any_key(0));
  if (random.one_in(2)) s.spoilt.push_back(any_key(1));
  s.forbidden_us = random.one_in(2) ? s.length_us : random.between(50'000, s.length_us);
  return s;
}

// Large costs on a quiet way, so that what is denied is denied for want of permits.
Scenario weighted_of(std::uint64_t seed, Random& random) {
  Scenario s = empty_scenario(seed, Kind::Weighted);
  s.hosts = random.one_in(3) ? static_cast<int>(random.between(2, 3)) : 1;
  s.processes = static_cast<int>(random.between(1, 3));
  static constexpr std::int64_t kPeriods[] = {100, 500, 1000, 2000, 10'000, 60'000};
  const std::int64_t period_ms = kPeriods[random.below(6)];
  s.limits = {plain_limit("api", random.one_in(6) ? Mode::Exact : Mode::Lease,
                          random.any_size(20, 1000), period_ms)};
  s.limits[0].keyed = false;
  s.limits[0].redis_key = "rategate:{%n}:%p:%w";
  s.delay_us = random.any_size(20, 2000);
  s.least_delay_us = random.one_in(3) ? random.any_size(20, 15'000) : 0;
  s.single_percent = random.one_in(2) ? static_cast<int>(random.below(95)) : 0;
  s.socket_percent = random.one_in(2) ? static_cast<int>(random.below(100)) : 0;
  s.length_us = std::min<std::int64_t>(6 * period_ms * 1000, 20'000'000);
  s.start_us = 1'700'000'000'000'000 + random.below(600'000'000);
  // A check takes 22 % of the limit on average, or hardly anything.
  const std::int64_t demand = random.between(50, 1000);  // % of the limit
  const std::int64_t large = std::max<std::int64_t>(1, demand / 22);
  const std::int64_t checks = large * 100 / (100 - s.single_percent);  // in a window
  s.gap_us =
      std::max<std::int64_t>(1, period_ms * 1000 * std::int64_t{s.hosts} * s.processes / checks);
  return s;
}

// Busy limits on some hosts, so that what is granted twice is asked for twice.
Scenario failover_of(std::uint64_t seed, Random& random) {
  Scenario s = empty_scenario(seed, Kind::Failover);
  s.hosts = static_cast<int>(random.between(2, 6));
  s.processes = static_cast<int>(random.between(1, 2));
  s.socket_percent = random.one_in(2) ? static_cast<int>(random.below(100)) : 0;
  s.servers = static_cast<int>(random.between(2, 3));
  s.sentinels = random.one_in(2);
  s.strict = random.one_in(5);
  s.failovers = static_cast<int>(random.between(1, 2));
  s.length_us = s.failovers * random.between(8'000'000, 14'000'000);
  s.start_us = 1'700'000'000'000'000 + random.below(600'000'000);
  s.delay_us = random.any_size(50, 3000);
  s.pauses = static_cast<int>(random.below(3));
  s.losses = static_cast<int>(random.below(3));
  const int limits = static_cast<int>(random.between(1, 2));
  const std::int64_t checks = random.any_size(60, 6000);
  s.gap_us = gap_us_of(s, checks);
  for (int i = 0; i < limits; ++i) {
    static constexpr std::int64_t kPeriods[] = {200, 500, 1000, 1000, 2000, 5000};
    const std::int64_t period_ms = kPeriods[random.below(6)];
    const std::int64_t asked = checks * period_ms * 1000 / s.length_us / limits;
    s.limits.push_back(busy_limit(random, i, asked, 90, period_ms));
    s.limits.back().keyed = false;
    s.limits.back().redis_key = "rategate:{%n}:%p:%w";
  }
  return s;
}

// Everybody is back long before it is settled what was lost, and nobody forgets what he knew.
Scenario recount_of(std::uint64_t seed, Random& random) {
  Scenario s = empty_scenario(seed, Kind::Recount);
  s.hosts = static_cast<int>(random.between(2, 5));
  s.processes = static_cast<int>(random.between(1, 2));
  s.keys = random.one_in(2) ? 1 : static_cast<int>(random.any_size(2, 100));
  s.socket_percent = random.one_in(2) ? static_cast<int>(random.below(100)) : 0;
  s.max_cost = random.one_in(4) ? random.any_size(2, 20) : 1;
  s.length_us = random.between(10'000'000, 30'000'000);
  s.start_us = 1'700'000'000'000'000 + random.below(600'000'000);
  s.delay_us = random.any_size(50, 10'000);
  s.pauses = static_cast<int>(random.below(3));
  s.losses = static_cast<int>(random.below(3));
  s.restarts = static_cast<int>(random.below(2));
  s.flushalls = static_cast<int>(random.below(3));
  s.failovers = static_cast<int>(random.below(3));
  s.lag_us = random.any_size(10'000, 3'000'000);
  if (s.restarts + s.flushalls + s.failovers == 0) s.flushalls = 1;
  if (random.one_in(3)) {
    s.late = true;
    s.keys = 1;
    s.length_us = 40'000'000;
    s.pauses = s.losses = s.restarts = s.failovers = 0;
    s.flushalls = 1;
  }
  const int limits = static_cast<int>(random.between(1, 2));
  const std::int64_t checks = s.late ? random.between(1000, 8000) : random.any_size(100, 6000);
  s.gap_us = gap_us_of(s, checks);
  for (int i = 0; i < limits; ++i) {
    static constexpr std::int64_t kPeriods[] = {5000, 10'000, 60'000, 3'600'000};
    // Who is away tells within the window.
    const std::int64_t period_ms = s.late ? 3'600'000 : kPeriods[random.below(4)];
    const std::int64_t window_us = std::min(period_ms * 1000, s.length_us);
    const std::int64_t asked =
        checks * window_us / s.length_us / limits / s.keys * ((s.max_cost + 1) / 2);
    s.limits.push_back(busy_limit(random, i, asked, 120, period_ms));
    if (s.late || !random.one_in(6)) s.limits.back().on_store_lost = OnStoreLost::Count;
  }
  return s;
}

// Busy counters in many slots. Only where no replica is promoted are the clocks apart, as what one
// loses is told by the clock of the other.
Scenario cluster_of(std::uint64_t seed, Random& random) {
  Scenario s = empty_scenario(seed, Kind::Cluster);
  s.hosts = static_cast<int>(random.between(2, 4));
  s.processes = static_cast<int>(random.between(1, 2));
  s.socket_percent = random.one_in(2) ? static_cast<int>(random.below(100)) : 0;
  s.keys = static_cast<int>(random.between(2, 10));
  s.shards = static_cast<int>(random.between(2, 4));
  s.replicated = static_cast<int>(random.between(0, s.shards));
  s.max_cost = random.one_in(4) ? random.any_size(2, 20) : 1;
  s.delay_us = random.any_size(50, 3000);
  s.least_delay_us = random.one_in(3) ? random.any_size(50, 5000) : 0;
  if (s.replicated > 0 && random.one_in(2)) s.failovers = static_cast<int>(random.between(1, 2));
  s.length_us = s.failovers > 0 ? s.failovers * random.between(8'000'000, 14'000'000)
                                : random.between(2'000'000, 6'000'000);
  // It takes 7.5 s until what was lost is counted on.
  const bool counts_on = s.failovers > 0 && random.one_in(2);
  if (counts_on) {
    s.length_us += 10'000'000;
    s.lag_us = 1'500'000;
    s.keys = static_cast<int>(random.between(1, 3));
    s.shards = s.replicated = static_cast<int>(random.between(3, 4));
  }
  s.start_us = 1'700'000'000'000'000 + random.below(600'000'000);
  s.moves = random.one_in(5) ? 0 : static_cast<int>(random.any_size(1, 40));
  s.cut_offs = random.one_in(2) ? 0 : static_cast<int>(random.between(1, 3));
  // Few counters, so that what was lost a moment ago is often what goes elsewhere.
  if (counts_on && random.one_in(2)) {
    s.keys = 1;
    s.moves = static_cast<int>(random.between(10, 40));
    s.cut_offs = static_cast<int>(random.between(3, 12));
    s.torn = random.one_in(2);
    // One that has nothing charged does not see by itself that a count is gone.
    if (!s.torn) s.quiet_us = s.length_us * random.between(30, 70) / 100;
    if (s.torn) s.moves = static_cast<int>(random.between(2, 6));
  }
  if (s.failovers == 0 && random.one_in(2)) s.skew_us = random.any_size(1000, 200'000);
  const int limits = s.torn ? 1 : static_cast<int>(random.between(1, 2));
  const std::int64_t checks = counts_on ? random.between(2000, 8000) : random.any_size(100, 5000);
  s.gap_us = gap_us_of(s, checks);
  for (int i = 0; i < limits; ++i) {
    static constexpr std::int64_t kPeriods[] = {200, 500, 1000, 1000, 2000, 5000};
    static constexpr std::int64_t kLong[] = {10'000, 60'000, 3'600'000};
    const bool counts = counts_on && (s.torn || !random.one_in(4));
    const std::int64_t period_ms = counts ? kLong[random.below(3)] : kPeriods[random.below(6)];
    const std::int64_t window_us = std::min(period_ms * 1000, s.length_us);
    const std::int64_t asked =
        checks * ((s.max_cost + 1) / 2) * window_us / s.length_us / limits / s.keys;
    s.limits.push_back(busy_limit(random, i, asked, s.torn ? 30 : 120, period_ms));
    if (s.torn) s.limits.back().mode = Mode::Exact;
    if (counts) s.limits.back().on_store_lost = OnStoreLost::Count;
    // The counters of one that is spread are in shards whose windows begin at different moments.
    LimitPlan& limit = s.limits.back();
    if (s.skew_us == 0 && !s.torn && random.one_in(3)) {
      limit.spread = random.between(2, 4);
      limit.permits = std::max(limit.permits, limit.spread);
    }
  }
  return s;
}

}  // namespace rategate::sim
