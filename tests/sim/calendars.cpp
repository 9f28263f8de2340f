#include "tests/sim/calendars.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace rategate::sim {
namespace {

// Again and again. Some neighbours are at even multiples of their lengths both, and a short window
// comes after a long one: all of it would lie in what [end - longest, end) has of the long one.
constexpr std::array<std::int64_t, 8> kLengths{5000, 9000, 5000, 5000, 8000, 5000, 6000, 9000};
constexpr auto kPerRound = static_cast<std::int64_t>(kLengths.size());
constexpr std::int64_t kRoundMs = std::accumulate(kLengths.begin(), kLengths.end(), 0LL);

}  // namespace

UnevenCalendar::UnevenCalendar() : Calendar({CalendarUnit::Month, {}, "Uneven"}) {}

std::int64_t UnevenCalendar::number_at(std::int64_t ms) const {
  const std::int64_t round = ms / kRoundMs;
  std::int64_t number = round * kPerRound;
  while (start_ms(number + 1) <= ms) ++number;
  return number;
}

std::int64_t UnevenCalendar::start_ms(std::int64_t number) const {
  const std::int64_t round = number / kPerRound;
  return std::accumulate(kLengths.begin(), kLengths.begin() + number % kPerRound, round * kRoundMs);
}

Scenario calendar_of(std::uint64_t seed, Random& random) {
  static constexpr std::array kBases{Kind::Edges,    Kind::Faults,   Kind::Reload,
                                     Kind::Greeting, Kind::Greeting, Kind::Failover,
                                     Kind::Cluster,  Kind::Hot,      Kind::Slots};
  const Kind base = kBases[static_cast<std::size_t>(random.below(kBases.size()))];
  Scenario s = scenario_of(seed, base);
  s.kind = Kind::Calendar;
  s.base = base;
  const std::int64_t length_us = random.between(12'000'000, 40'000'000);
  // As many checks in all, a part of them in each window.
  const std::int64_t checks =
      std::max<std::int64_t>(1, s.length_us * s.hosts * s.processes / s.gap_us);
  s.gap_us = std::max<std::int64_t>(1, length_us * s.hosts * s.processes / checks);
  s.length_us = length_us;
  s.edge_percent = std::max(s.edge_percent, 20);
  for (LimitPlan& limit : s.limits) {
    limit.uneven = true;
    limit.period_ms = UnevenCalendar::kLongestMs;
    const std::int64_t counters = std::ssize(s.limits) * (limit.keyed ? s.keys : 1);
    const std::int64_t asked = checks * 7'000'000 / length_us * ((s.max_cost + 1) / 2) /
                               std::max<std::int64_t>(1, counters);
    limit.permits =
        std::max<std::int64_t>({1, limit.spread, asked * random.between(20, 150) / 100});
  }
  return s;
}

}  // namespace rategate::sim
