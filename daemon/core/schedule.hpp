// When the gate comes back to a counter by itself, and what for.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

struct Schedule {
  Mono wake = kNever;
  Mono used;                        // when permits were last spent
  Mono believe_until;               // that it is exhausted, in a long window
  std::int64_t renewed_ms = 0;      // the end of the last window that was reserved ahead
  std::int64_t lead_for_ms = 0;     // the end of the window before whose end ...
  std::int64_t lead_us = 0;         // ... by so much the next one is reserved
  std::int64_t believe_for_ms = 0;  // the window of believe_until and doubts
  std::uint8_t doubts = 0;          // how often it was exhausted again
};

}  // namespace rategate
