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
  const Placed placed = rategate::place(*limit, reading);
  if (placed.open) window = placed.window;
  return placed;
}

Window LimitUse::window_ending(std::int64_t end_ms) const {
  const Calendar* const calendar = limit->calendar.get();
  return {
      calendar == nullptr ? end_ms - limit->period_ms : calendar->window_at(end_ms - 1).start_ms,
      end_ms};
}

Window LimitUse::next_after(const Window& before) const {
  const Calendar* const calendar = limit->calendar.get();
  return calendar == nullptr ? Window{before.end_ms, before.end_ms + limit->period_ms}
                             : calendar->window_at(before.end_ms);
}

// By its number: two that follow each other may end at an even multiple of their lengths both.
int LimitUse::parity_of(const Window& of) const {
  const Calendar* const calendar = limit->calendar.get();
  const std::int64_t number = calendar == nullptr ? of.start_ms / (of.end_ms - of.start_ms)
                                                  : calendar->number_at(of.start_ms);
  return static_cast<int>(number & 1);
}

std::uint64_t LimitUse::in_all(std::uint64_t LimitTally::* count) const {
  return std::accumulate(
      subs.begin(), subs.end(), (*tally).*count,
      [&](std::uint64_t sum, const LimitUsePtr& each) { return sum + (*each->tally).*count; });
}

}  // namespace rategate
