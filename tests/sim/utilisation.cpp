#include "tests/sim/utilisation.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

struct Case {
  std::string name;
  int hosts;
  std::int64_t permits;
  std::int64_t period_ms;
  double demand;    // of all, over the limit
  int busy;         // hosts that ask; the others hardly do
  double at_least;  // of the limit, in each whole window but the first
  double apart;     // how far a host's part may be from its share, 0: not judged
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"1 host", 1, 20'000, 1000, 1.5, 1, 0.99, 0},
      {"1 host of 10 that are idle", 10, 20'000, 1000, 1.5, 1, 0.99, 0},
      {"3 hosts", 3, 20'000, 1000, 1.5, 3, 0.99, 0.10},
      {"3 hosts, 250 ms", 3, 10'000, 250, 1.5, 3, 0.97, 0.10},
      {"3 hosts, 10 s", 3, 30'000, 10'000, 1.5, 3, 0.97, 0.10},
      {"100 hosts", 100, 50'000, 1000, 1.5, 100, 0.99, 0},
      {"100 hosts, a limit of 50", 100, 50, 1000, 20, 100, 1.0, 0},
      {"20 hosts, a limit of 1", 20, 1, 1000, 100, 20, 1.0, 0},
  };
  return all;
}

constexpr int kWindows = 4;  // the first is for getting warm

Scenario scenario_of(const Case& c) {
  Scenario s;
  s.seed = 1;
  s.start_us = 1'700'000'000'000'000 / 1'000'000 * 1'000'000;
  s.start_us -= s.start_us % (c.period_ms * 1000);
  s.length_us = (kWindows + 1) * c.period_ms * 1000;
  LimitPlan limit;
  limit.name = "api";
  limit.permits = c.permits;
  limit.period_ms = c.period_ms;
  limit.redis_key = "rategate:{%n}:%p:%w";
  limit.keyed = false;
  s.limits = {limit};
  s.hosts = c.hosts;
  s.processes = 2;
  s.slow_us = 0;
  s.delay_us = 100;
  return s;
}

// ---- Large costs ----------------------------------------------------------------------------

constexpr int kWeightedWindows = 200;

struct WeightedCase {
  int hosts;
  double demand;    // of all, over the limit
  double apart;     // points that it may give out less than exact on the same arrivals
  double at_least;  // of the limit, on average; 0: not judged
  int singles = 0;  // percent of the checks that cost one permit, a thousandth of the limit
};

const std::vector<WeightedCase>& weighted_cases() {
  static const std::vector<WeightedCase> all = {
      {1, 1.5, 0.005, 0},   {1, 2, 0.005, 0},     {1, 4, 0.005, 0},     {1, 10, 0.005, 0.97},
      {2, 1.5, 0.010, 0},   {2, 2, 0.010, 0},     {2, 4, 0.010, 0},     {2, 10, 0.010, 0.96},
      {3, 1.5, 0.020, 0},   {3, 2, 0.020, 0},     {3, 4, 0.020, 0},     {3, 10, 0.020, 0.96},
      {1, 2, 0.005, 0, 98}, {1, 4, 0.005, 0, 98}, {2, 2, 0.010, 0, 98}, {2, 4, 0.010, 0, 98},
      {3, 2, 0.020, 0, 98}, {3, 4, 0.020, 0, 98},
  };
  return all;
}

Scenario weighted_scenario_of(const WeightedCase& c, Mode mode) {
  constexpr std::int64_t kPermits = 1000;
  constexpr std::int64_t kSecond = 1'000'000;
  // Of the limit: from 5 to 40 %, and a permit.
  const double mean_cost =
      0.225 * (100 - c.singles) / 100 + 1.0 / static_cast<double>(kPermits) * c.singles / 100;
  Scenario s;
  s.seed = 1;
  s.kind = Kind::Weighted;
  s.start_us = 1'700'000'000 * kSecond;
  s.length_us = (kWeightedWindows + 1) * kSecond;
  LimitPlan limit;
  limit.name = "api";
  limit.permits = kPermits;
  limit.period_ms = 1000;
  limit.mode = mode;
  limit.redis_key = "rategate:{%n}:%p:%w";
  limit.keyed = false;
  s.limits = {limit};
  s.hosts = c.hosts;
  s.processes = 2;
  s.gap_us = static_cast<std::int64_t>(1e6 * c.hosts * 2 * mean_cost / c.demand);
  s.single_percent = c.singles;
  s.slow_us = 0;
  s.delay_us = 100;
  return s;
}

// What is given out of the limit, on average of all whole windows but the first.
double weighted_use(const WeightedCase& c, Mode mode, std::string& failure) {
  World world(weighted_scenario_of(c, mode));
  failure = world.run();
  std::int64_t spent = 0;
  for (int window = 1; window <= kWeightedWindows; ++window) {
    const std::int64_t at = world.scenario().start_us + window * std::int64_t{1'000'000};
    for (const auto& share : world.account(0, 0, at).shares) spent += share.spent;
  }
  const std::int64_t permits = world.scenario().limits[0].permits;
  return static_cast<double>(spent) / static_cast<double>(permits * kWeightedWindows);
}

bool judge_weighted() {
  bool good = true;
  for (const WeightedCase& c : weighted_cases()) {
    std::string failures[2];
    const double exact = weighted_use(c, Mode::Exact, failures[0]);
    const double leased = weighted_use(c, Mode::Lease, failures[1]);
    const bool enough = failures[0].empty() && failures[1].empty() && leased >= exact - c.apart &&
                        leased >= c.at_least;
    good = good && enough;
    std::cout << (enough ? "" : "FAILED ") << "costs of 5 to 40 %, "
              << (c.singles > 0 ? "and of one permit, " : "") << c.hosts << " hosts, " << c.demand
              << " x the limit: " << 100 * leased << " %, exact " << 100 * exact << " (within "
              << 100 * c.apart;
    if (c.at_least > 0) std::cout << ", at least " << 100 * c.at_least;
    std::cout << ")" << (failures[0].empty() ? failures[1] : failures[0]) << '\n' << std::flush;
  }
  return good;
}

}  // namespace

bool judge_utilisation() {
  bool good = true;
  std::cout << std::fixed << std::setprecision(2);
  for (const Case& c : cases()) {
    World world(scenario_of(c));
    const double a_second =
        c.demand * static_cast<double>(c.permits) * 1000 / static_cast<double>(c.period_ms);
    const double gap_us = 1e6 * 2 * c.busy / a_second;  // two processes each
    const std::string failure = world.run_evenly(c.busy, static_cast<std::int64_t>(gap_us));
    double least = 1;
    double most_apart = 0;
    for (int window = 1; window <= kWindows; ++window) {
      const std::int64_t at = world.scenario().start_us + window * c.period_ms * 1000;
      const Checker::Account& account = world.account(0, 0, at);
      const auto limit = static_cast<double>(c.permits);
      // What was spent: now and then a process dies before it is told.
      std::int64_t spent = 0;
      for (const auto& share : account.shares) spent += share.spent;
      least = std::min(least, static_cast<double>(spent) / limit);
      for (int host = 0; host < c.busy; ++host) {
        double part = 0;
        for (const auto& share : account.shares) {
          if (share.daemon == host) part = static_cast<double>(share.spent);
        }
        const double fair = limit / c.busy;
        most_apart = std::max(most_apart, std::max(part - fair, fair - part) / fair);
      }
    }
    const bool enough =
        failure.empty() && least >= c.at_least && (c.apart == 0 || most_apart <= c.apart);
    good = good && enough;
    std::cout << (enough ? "" : "FAILED ") << c.name << ": " << 100 * least << " % of " << c.permits
              << " in " << c.period_ms << " ms (at least " << 100 * c.at_least << ")";
    if (c.busy > 1) std::cout << ", shares within " << 100 * most_apart << " %";
    if (c.apart > 0) std::cout << " (" << 100 * c.apart << ")";
    if (!failure.empty()) std::cout << ": " << failure;
    std::cout << '\n' << std::flush;
  }
  return judge_weighted() && good;
}

}  // namespace rategate::sim
