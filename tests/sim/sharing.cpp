// What hosts have of a window of which all of them want more than there is: docs/waiting.md.
#include <algorithm>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "tests/sim/utilisation.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr std::int64_t kPermits = 1000;
constexpr std::int64_t kPeriodUs = 1'000'000;
constexpr int kHosts = 4;
constexpr int kWindows = 6;  // after the first, which is for getting warm
constexpr std::uint64_t kSeeds = 20;
// So many wait on each host: more than it ever has of a window in a turn.
constexpr std::size_t kInLine = 500;
constexpr std::int64_t kTopUpUs = 5'000;
// Of the checks of one process, of which a host has two: four times the limit on each host.
constexpr std::int64_t kGapUs = 500;

// One way takes 0.1 ms, and to a host that is far away 1 ms.
constexpr std::int64_t kNearUs = 50;
constexpr std::int64_t kFarUs = 900;

struct Case {
  std::string name;
  bool acquires;
  int far;          // hosts
  double at_least;  // of a fair share, in each window
  double at_most;
  double on_average;  // of each host over all windows, at least
};

// In ACQUIRE who is first asks again after one trip, so that a window may be one host's for the
// most part. Whose it is changes, but he who is far away is seldom the first.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"ACQUIRE, 4 hosts alike", true, 0, 0, kHosts, 0.6},
      {"ACQUIRE, 3 near and 1 far", true, 1, 0, kHosts, 0.05},
      {"CHECK, 4 hosts alike", false, 0, 0.75, 1.3, 0.95},
      {"CHECK, 3 near and 1 far", false, 1, 0.7, 1.5, 0.95},
  };
  return all;
}

Scenario scenario_of(const Case& c, std::uint64_t seed) {
  Scenario s;
  s.seed = seed;
  s.start_us = 1'700'000'000'000'000;
  s.length_us = (kWindows + 1) * kPeriodUs;
  LimitPlan limit;
  limit.name = "api";
  limit.permits = kPermits;
  limit.period_ms = kPeriodUs / 1000;
  limit.redis_key = "rategate:{%n}:%p:%w";
  limit.keyed = false;
  s.limits = {limit};
  s.hosts = kHosts;
  s.processes = 2;
  s.least_delay_us = s.delay_us = kNearUs;
  s.slow_us = 0;
  s.far_hosts = c.far;
  s.far_us = kFarUs;
  return s;
}

// From now on that many wait on the host, whoever is served.
void keep_in_line(World& world, int host) {
  Daemon& daemon = *world.daemon(host);
  const std::int64_t rest_us = world.end_us() - world.events().now();
  // At the end they are denied at once.
  for (std::size_t lacks = kInLine - daemon.gate().acquiring(); lacks > 0; --lacks) {
    world.count_check();
    daemon.ask_in_line(0, 0, rest_us, 1);
  }
  daemon.pump();
  if (rest_us > kTopUpUs) {
    world.events().in(kTopUpUs, [&world, host] { keep_in_line(world, host); });
  }
}

struct Shares {
  double least = kHosts;
  double most = 0;
  std::vector<double> sum = std::vector<double>(kHosts);  // of each host, over all windows
  std::string failure;
};

void run(const Case& c, std::uint64_t seed, Shares& shares) {
  World world(scenario_of(c, seed));
  const auto fill_lines = [&world] {
    for (int host = 0; host < kHosts; ++host) {
      // Once it has greeted the store.
      world.events().in(kPeriodUs / 10, [&world, host] { keep_in_line(world, host); });
    }
  };
  shares.failure = c.acquires ? world.run_with(fill_lines) : world.run_evenly(kHosts, kGapUs);
  for (int window = 1; window <= kWindows; ++window) {
    const std::int64_t at = world.scenario().start_us + window * kPeriodUs;
    for (int host = 0; host < kHosts; ++host) {
      const auto spent = static_cast<double>(world.account(0, 0, at).share(host).spent);
      const double part = spent * kHosts / kPermits;
      shares.least = std::min(shares.least, part);
      shares.most = std::max(shares.most, part);
      shares.sum[static_cast<std::size_t>(host)] += part;
    }
  }
}

}  // namespace

bool judge_sharing() {
  bool good = true;
  std::cout << std::fixed << std::setprecision(2);
  for (const Case& c : cases()) {
    Shares shares;
    for (std::uint64_t seed = 1; seed <= kSeeds && shares.failure.empty(); ++seed) {
      run(c, seed, shares);
    }
    for (double& sum : shares.sum) sum /= kWindows * static_cast<double>(kSeeds);
    const auto [low, high] = std::minmax_element(shares.sum.begin(), shares.sum.end());
    const bool enough = shares.failure.empty() && shares.least >= c.at_least &&
                        shares.most <= c.at_most && *low >= c.on_average;
    good = good && enough;
    std::cout << (enough ? "" : "FAILED ") << c.name << ": " << shares.least << " to "
              << shares.most << " of a fair share in each window (" << c.at_least << " to "
              << c.at_most << "), on average " << *low << " to " << *high << " (at least "
              << c.on_average << ")" << shares.failure << '\n'
              << std::flush;
  }
  return good;
}

}  // namespace rategate::sim
