#include "daemon/limit/limit_use.hpp"

#include <numeric>

namespace rategate {

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
