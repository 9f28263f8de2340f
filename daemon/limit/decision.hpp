// The answer to a check.
#pragma once

#include <cstdint>

namespace rategate {

enum class Reason : std::uint8_t {
  Counted = 0,          // allowed: the permits are in the counter
  OverLimit = 1,        // denied: the window has no such permits left
  StoreAway = 2,        // denied or allowed by on_store_down, or the window's count was lost
  NeverFits = 3,        // denied: the cost is above limit or burst
  ClockNotTrusted = 4,  // denied: the window cannot be told with certainty
};

struct Decision {
  static constexpr std::int64_t kUnknown = -1;

  bool allowed = false;
  Reason reason = Reason::OverLimit;
  std::int64_t limit = 0;  // permits per period; of CL.THROTTLE those of a full bucket
  // Permits of the window that this host could still give out: what its counter has left, as of the
  // store's last answer, and what the host holds of it. An estimate; kUnknown where neither counts.
  std::int64_t remaining = 0;
  // When asking again may help; 0 when allowed, -1 when the cost can never fit.
  std::int64_t retry_after_ms = 0;
  std::int64_t reset_after_ms = 0;  // until the window is over, rounded up
  // The decision is told as CL.THROTTLE does: by these, as of the store's moment. -1: never.
  bool cell = false;
  std::int64_t retry_after_us = 0;
  std::int64_t reset_after_us = 0;
};

}  // namespace rategate
