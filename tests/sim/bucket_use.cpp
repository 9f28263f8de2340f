#include "tests/sim/bucket_use.hpp"

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

struct Case {
  int hosts;
  std::int64_t rate;  // permits a second; of a sliding window, in a period
  std::int64_t burst;
  std::int64_t seconds;     // of even demand
  double demand;            // of all hosts, over the rate
  double at_least;          // of the burst and of what flows in, or of what is asked for
  double in_place;          // of the checks, at least; 0: not judged
  int batch = 1;            // checks that come together
  std::int64_t period = 0;  // of a sliding window, seconds; 0: it is a bucket

  double a_second() const {
    return static_cast<double>(rate) / static_cast<double>(period > 0 ? period : 1);
  }
  // Of a sliding window all of it at once, and again after each period.
  std::int64_t promised() const {
    return period > 0 ? rate * (1 + (seconds - 1) / period) : burst + rate * seconds;
  }
};

// The figures that docs/algorithms.md tells.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {1, 1000, 1000, 8, 1.5, 0.99, 0.90},
      {3, 1000, 1000, 8, 1.5, 0.99, 0.85},
      {3, 10'000, 10'000, 5, 1.5, 0.99, 0.90},
      {20, 1000, 1000, 8, 1.5, 0.99, 0},
      {20, 100'000, 100'000, 4, 1.5, 0.99, 0.90},
      {3, 100, 500, 20, 1.5, 0.97, 0},
      {1, 20'000, 20'000, 8, 0.5, 1.0, 0.95},
      // Leases end between two batches.
      {5, 1000, 1000, 20, 0.9, 0.999, 0, 12},
      {2, 1000, 1000, 20, 0.9, 0.999, 0, 30},
      {1, 1000, 1000, 20, 0.9, 0.999, 0, 80},
      // Sliding windows.
      {1, 1000, 0, 9, 1.5, 0.97, 0.5, 1, 1},
      {3, 1000, 0, 9, 1.5, 0.96, 0, 1, 1},
      {20, 100'000, 0, 4, 1.5, 0.97, 0.85, 1, 1},
      {3, 6000, 0, 240, 1.5, 0.97, 0.90, 1, 60},
      {20, 6000, 0, 240, 1.5, 0.92, 0.60, 1, 60},
  };
  return all;
}

Scenario scenario_of(const Case& c) {
  Scenario s;
  s.seed = 1;
  s.kind = Kind::Bucket;
  s.start_us = 1'700'000'000 * kSecond;
  s.length_us = c.seconds * kSecond;
  LimitPlan limit;
  limit.name = "api";
  limit.permits = c.rate;
  limit.period_ms = 1000;
  limit.redis_key = "rategate:{%n}:gcra";
  limit.keyed = false;
  limit.bucket = true;
  limit.burst = c.burst;
  if (c.period > 0) {
    s.kind = Kind::Log;
    limit.period_ms = 1000 * c.period;
    limit.redis_key = "rategate:{%n}:%p:log";
    limit.bucket = false;
    limit.log = true;
  }
  s.limits = {limit};
  s.hosts = c.hosts;
  s.processes = 2;
  s.pipelines = false;
  s.batch = c.batch;
  s.slow_us = 0;
  s.delay_us = 100;
  return s;
}

struct Use {
  double given_out = 0;
  double in_place = 0;
  double calls = 0;  // of the script, for each permit that was given out
  std::string failure;
};

Use use_of(const Case& c) {
  World world(scenario_of(c));
  // Whether too much is given out is judged by what is given out; by each check it takes minutes.
  world.checker().promise_nothing();
  const double a_second = c.demand * c.a_second();
  Use use;
  use.failure =
      world.run_evenly(c.hosts, static_cast<std::int64_t>(2e6 * c.hosts * c.batch / a_second));
  std::int64_t asked = 0, at_once = 0, spent = 0;
  std::uint64_t calls = 0;
  for (int host = 0; host < c.hosts; ++host) {
    const Daemon& daemon = *world.daemon(host);
    asked += daemon.asked() + daemon.decided_by_clients();
    at_once += daemon.decided_at_once() + daemon.decided_by_clients();
    calls += daemon.gate().stats().reservations;
  }
  for (const auto& share : world.account(0, 0, 0).shares) spent += share.spent;
  use.given_out = static_cast<double>(spent) / static_cast<double>(std::min(c.promised(), asked));
  use.in_place = static_cast<double>(at_once) / static_cast<double>(asked);
  use.calls = static_cast<double>(calls) / static_cast<double>(spent);
  return use;
}

}  // namespace

namespace {

std::string name_of(const Case& c) {
  if (c.period > 0) {
    return "a sliding window of " + std::to_string(c.rate) + " in " + std::to_string(c.period) +
           " s";
  }
  return "a bucket of " + std::to_string(c.burst) + " at " + std::to_string(c.rate) + " a second";
}

}  // namespace

bool judge_use_of_buckets() {
  bool good = true;
  for (const Case& c : cases()) {
    const Use use = use_of(c);
    const bool enough =
        use.failure.empty() && use.given_out >= c.at_least && use.in_place >= c.in_place;
    good = good && enough;
    std::cout << (enough ? "" : "FAILED ") << name_of(c) << ", " << c.hosts << " hosts, "
              << c.demand << " x the rate" << (c.batch > 1 ? ", in batches: " : ": ")
              << 100 * use.given_out << " % given out (at least " << 100 * c.at_least << "), "
              << 100 * use.in_place << " % decided in place (at least " << 100 * c.in_place << "), "
              << use.calls << " calls a permit" << use.failure << '\n'
              << std::flush;
  }
  return good;
}

}  // namespace rategate::sim
