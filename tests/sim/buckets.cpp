// Schedules of token buckets and of sliding windows: what befalls everybody is that of another
// kind.
#include <algorithm>
#include <array>

#include "tests/sim/crowds.hpp"

namespace rategate::sim {
namespace {

void make_bucket(LimitPlan& limit, Random& random) {
  limit.bucket = true;
  static constexpr std::array kModes{Mode::Auto, Mode::Lease, Mode::Lease, Mode::Exact};
  limit.mode = kModes[static_cast<std::size_t>(random.below(kModes.size()))];
  limit.spread = 1;
  limit.burst = random.one_in(3) ? limit.permits : random.any_size(1, 2 * limit.permits);
  limit.redis_key = limit.keyed ? kBucketRedisKey : "rategate:{%n}:gcra";
}

// Periods above an hour are not over within a schedule, and what was lost is denied for a whole
// one.
void make_log(LimitPlan& limit, Random& random) {
  limit.log = true;
  static constexpr std::array kModes{Mode::Auto, Mode::Lease, Mode::Lease, Mode::Exact};
  limit.mode = kModes[static_cast<std::size_t>(random.below(kModes.size()))];
  limit.spread = 1;
  if (limit.period_ms > 2000 && random.one_in(2)) limit.period_ms = random.any_size(20, 2000);
  limit.redis_key = limit.keyed ? kLogRedisKey : "rategate:{%n}:%p:log";
}

// One host alone sees that keys are gone, as long as it goes by the same numbers, and hears of all
// that it was granted.
void add_evictions(Scenario& s, Random& random) {
  s.hosts = 1;
  s.losses = s.pauses = s.kills = s.reloads = s.refusals = s.stalls = s.outages = 0;
  s.garbled_one_in = s.differing = 0;
  s.slow_us = 0;
  s.evictions = static_cast<int>(random.between(1, 4));
  s.keys = 1;
  for (LimitPlan& limit : s.limits) {
    limit.on_store_down = OnStoreDown::Deny;
    limit.permits = 1 + limit.permits / 4;  // so that the bucket is empty soon
    limit.burst = 1 + random.below(2 * limit.permits);
  }
}

// Further than any reading of it may be wrong, so that no host takes the new clock for the old one;
// and further than leases last.
void add_set_backs(Scenario& s, Random& random) {
  s.set_backs = static_cast<int>(random.between(1, 3));
  s.set_back_us = random.any_size(kLeastSetBackUs, 5'000'000);
}

// Of that kind, with limits that are made so.
template <class Make>
Scenario scenario_like(Kind kind, std::uint64_t seed, Random& random, const Make& make) {
  static constexpr std::array kBases{Kind::Edges,    Kind::Faults,   Kind::Reload,  Kind::Greeting,
                                     Kind::Greeting, Kind::Failover, Kind::Cluster, Kind::Many};
  const Kind base = kBases[static_cast<std::size_t>(random.below(kBases.size()))];
  Scenario s = scenario_of(seed, base);
  s.kind = kind;
  s.base = base;
  s.skew_us = 0;  // docs/algorithms.md, "Not covered"
  for (LimitPlan& limit : s.limits) make(limit, random);
  if (base == Kind::Edges && random.one_in(2)) add_evictions(s, random);
  const bool is_one_store =
      base == Kind::Edges || base == Kind::Faults || base == Kind::Reload || base == Kind::Many;
  // What is in hand for large costs may end on the way.
  if (s.evictions == 0 && random.one_in(3)) {
    s.max_cost = std::max<std::int64_t>(s.max_cost, random.any_size(2, 50));
    s.slow_us = std::max<std::int64_t>(s.slow_us, 100'000);
    s.slow_one_in = 10;
  }
  if (is_one_store && s.evictions == 0 && random.one_in(3)) add_set_backs(s, random);
  return s;
}

}  // namespace

Scenario bucket_of(std::uint64_t seed, Random& random) {
  return scenario_like(Kind::Bucket, seed, random, make_bucket);
}

Scenario log_of(std::uint64_t seed, Random& random) {
  return scenario_like(Kind::Log, seed, random, make_log);
}

}  // namespace rategate::sim
