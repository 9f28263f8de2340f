// What is known of the store's time at some moment, and where that lies among the windows of a
// period. Pure.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

// The store's time is at least `earliest` and at most `latest`, as far as the clock is trusted.
struct ClockReading {
  StoreTime earliest;
  StoreTime latest;

  std::int64_t error_us() const { return (latest.us - earliest.us + 1) / 2; }
};

// Where a moment lies among the windows of a period.
struct Placed {
  Window window;                 // the one that is open, or the next to open
  bool open = false;             // false: between two windows, as far as can be told
  std::int64_t opens_in_us = 0;  // when not open
};
Placed place(const ClockReading&, std::int64_t period_ms);
class Calendar;
Placed place(const ClockReading&, const Calendar& calendar);

// Twice the error must stay below half of the period; else the limit cannot be held.
bool precise_enough(const ClockReading&, std::int64_t period_ms);

}  // namespace rategate
