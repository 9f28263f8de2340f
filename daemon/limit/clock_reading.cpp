#include "daemon/limit/clock_reading.hpp"

#include "daemon/limit/calendar.hpp"

namespace rategate {
namespace {
std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
}  // namespace

Placed place(const ClockReading& reading, std::int64_t period_ms) {
  const std::int64_t period_us = period_ms * 1000;
  const std::int64_t first = floor_div(reading.earliest.us, period_us);
  const std::int64_t last = floor_div(reading.latest.us, period_us);
  const bool open = first == last;
  const std::int64_t index = open ? first : first + 1;
  Placed placed;
  placed.window = {index * period_ms, (index + 1) * period_ms};
  placed.open = open;
  if (!open) placed.opens_in_us = placed.window.start_ms * 1000 - reading.earliest.us;
  return placed;
}

Placed place(const ClockReading& reading, const Calendar& calendar) {
  const Window window = calendar.window_at(floor_div(reading.earliest.us, 1000));
  if (reading.latest.us < window.end_ms * 1000) return {window, true, 0};
  return {calendar.window_at(window.end_ms), false, window.end_ms * 1000 - reading.earliest.us};
}

bool precise_enough(const ClockReading& reading, std::int64_t period_ms) {
  return 2 * reading.error_us() < period_ms * 1000 / 2;
}

}  // namespace rategate
