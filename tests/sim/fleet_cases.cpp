#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim/fleet.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

// What a call of reservations and each counter of it takes a primary: docs/capacity.md, "What one
// Redis bears".
constexpr std::int64_t kCallNs = 16'000;
constexpr std::int64_t kCounterNs = 5'500;
constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

struct Case {
  int hosts;
  int keys;
  std::int64_t permits;  // of each key, in each period
  std::int64_t period_ms;
  std::int64_t demand;  // checks a second, of all hosts and keys
  int windows;          // that are measured
  double at_least;      // part of what is allowable that is allowed
  bool is_short;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {1000, 1, 200'000, 1000, 300'000, 3, 0.99, true},
      {10'000, 1, 200'000, 1000, 300'000, 3, 0.99, false},
      {10'000, 1, 2'000'000, 10'000, 300'000, 1, 0.99, false},
      {10'000, 1, 2'000'000, 1000, 3'000'000, 2, 0.8, false},
      {1000, 1'000'000, 100, 1000, 30'000, 3, 0.93, true},
      {1000, 1'000'000, 100, 1000, 100'000, 3, 0.4, false},
      {10'000, 1'000'000, 100, 1000, 30'000, 3, 0.9, false},
      {1000, 1'000'000, 6000, 60'000, 30'000, 1, 0.99, false},
  };
  return all;
}

Scenario scenario_of(const Case& c) {
  Scenario s;
  s.seed = 1;
  s.kind = Kind::Fleet;
  s.pipelines = false;
  const std::int64_t period_us = c.period_ms * 1000;
  s.start_us = kStartUs - kStartUs % period_us + period_us;
  s.warm_us = std::max<std::int64_t>(period_us, 2'000'000);
  s.length_us = s.warm_us + c.windows * period_us;
  LimitPlan limit;
  limit.name = "api";
  limit.permits = c.permits;
  limit.period_ms = c.period_ms;
  limit.redis_key = c.keys == 1 ? "rategate:{%n}:%p:%w" : std::string(kDefaultRedisKey);
  limit.keyed = c.keys > 1;
  s.limits = {limit};
  s.hosts = c.hosts;
  s.keys = c.keys;
  s.slots = c.keys == 1 ? 16 : 1024;
  s.gap_us = std::int64_t{1'000'000} * c.hosts / c.demand;
  s.slow_us = 0;
  s.delay_us = 100;
  return s;
}

// ---- docs/capacity.md, "How many reservations" ----------------------------------------------

// A second, of one key on one host that asks for it so many times a second.
double reservations(double rate, double period_s) {
  if (rate * period_s >= 256) return std::max(16 / period_s, 0.65) + 1 / period_s;
  if (rate * period_s >= 16) return rate / 16 + 1 / period_s;
  return std::min(rate, 2 / period_s);
}

// The same of all keys and hosts.
double reservations(const Case& c) {
  double sum = 0;
  const double log_keys = std::log(c.keys);
  for (int n = 1; n <= c.keys; ++n) {
    const double part = c.keys == 1 ? 1 : std::log((n + 1.0) / n) / log_keys;
    const double rate = part * static_cast<double>(c.demand) / c.hosts;
    sum += c.hosts * reservations(rate, static_cast<double>(c.period_ms) / 1000);
  }
  return sum;
}

// ---- What is printed ------------------------------------------------------------------------

std::string percent(std::int64_t part, std::int64_t whole) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1)
      << 100.0 * static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(1, whole));
  return out.str();
}

void print_head() {
  std::cout << "| hosts | keys | period s | checks/s | reservations/s | by the formula | calls/s | "
               "busy % | given out % | share % | in place % | p99 ms | unanswered % |\n"
               "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
}

void print(const Case& c, Fleet::Seen& seen) {
  const std::int64_t measured_us = c.windows * c.period_ms * 1000;
  const auto a_second = [&](std::int64_t count) { return count * 1'000'000 / measured_us; };
  const auto& of_host = seen.allowed_of_host;
  const auto [least, most] = std::minmax_element(of_host.begin(), of_host.end());
  const std::int64_t share = seen.allowed / c.hosts;
  std::cout << "| " << c.hosts << " | " << c.keys << " | " << c.period_ms / 1000 << " | "
            << a_second(seen.checks) << " | " << a_second(seen.counters) << " | "
            << static_cast<std::int64_t>(reservations(c)) << " | " << a_second(seen.calls) << " | "
            << percent(seen.busy_us, measured_us) << " | " << percent(seen.allowed, seen.allowable)
            << " | " << percent(*least, share) << " to " << percent(*most, share) << " | "
            << percent(seen.in_place, seen.checks) << " | " << std::fixed << std::setprecision(1)
            << static_cast<double>(seen.wait_us(0.99)) / 1000 << " | "
            << percent(seen.unanswered, seen.checks) << " |\n"
            << std::flush;
}

}  // namespace

bool judge_fleets(bool short_ones) {
  bool good = true;
  print_head();
  for (const Case& c : cases()) {
    if (short_ones && !c.is_short) continue;
    World world(scenario_of(c));
    world.store().takes(kCallNs, kCounterNs);
    const std::string failure = world.run();
    Fleet::Seen& seen = dynamic_cast<Fleet&>(world.judge()).seen();
    print(c, seen);
    const auto allowable = static_cast<double>(seen.allowable);
    if (failure.empty() && static_cast<double>(seen.allowed) >= c.at_least * allowable) continue;
    good = false;
    std::cout << "FAILED: " << (failure.empty() ? "too little is given out" : failure) << '\n';
  }
  return good;
}

}  // namespace rategate::sim
