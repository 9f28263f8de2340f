#include "daemon/limit/limit_use.hpp"

#include <algorithm>
#include <numeric>

namespace rategate {
namespace {
constexpr std::int64_t kLongestDemandUs = 1'000'000;
// Of a bucket that fills in no time: a few of the shortest slices.
constexpr std::int64_t kShortestDemandUs = 40'000;
}  // namespace

std::int64_t demand_us_of(const Limit& limit, std::int64_t fill_us) {
  return limit.algorithm->has_windows
             ? std::min(limit.period_ms * 1000, kLongestDemandUs)
             : std::clamp(fill_us / 4, kShortestDemandUs, kLongestDemandUs);
}

Placed LimitUse::place_anew(const ClockReading& reading) {
  const Placed placed = limit->algorithm->place(reading, limit->period_ms);
  if (placed.open) window = placed.window;
  return placed;
}

std::uint64_t LimitUse::in_all(std::uint64_t LimitUse::* count) const {
  return std::accumulate(
      subs.begin(), subs.end(), this->*count,
      [&](std::uint64_t sum, const LimitUsePtr& each) { return sum + (*each).*count; });
}

}  // namespace rategate
