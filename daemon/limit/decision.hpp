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
  Blocked = 5,          // denied: a rule for keys says so, or a denial before; nothing is counted
  Unlimited = 6,        // allowed: a rule for keys says so, and nothing is counted
};

// Who has decided.
enum class DecidedBy : std::uint8_t {
  Host = 0,    // this host, by the permits that it holds, or by what it knows of the counter
  Store = 1,   // the store's answer
  Policy = 2,  // the limit's on_store_down
};

struct Decision {
  static constexpr std::int64_t kUnknown = -1;
  static constexpr std::int64_t kNoLimit = -1;

  bool allowed = false;
  Reason reason = Reason::OverLimit;
  // Permits per period; of CL.THROTTLE those of a full bucket. 0: blocked by a rule; kNoLimit:
  // unlimited.
  std::int64_t limit = 0;
  // Permits of the window that this host could still give out: what its counter has left, as of the
  // store's last answer, and what the host holds of it. An estimate; kUnknown where neither counts.
  std::int64_t remaining = 0;
  // When asking again may help; 0 when allowed, -1 when it cannot.
  std::int64_t retry_after_ms = 0;
  std::int64_t reset_after_ms = 0;  // until the window is over, rounded up
  // The same to the microsecond, as of the store's moment: what CL.THROTTLE tells. -1: never.
  std::int64_t retry_after_us = 0;
  std::int64_t reset_after_us = 0;
  DecidedBy by = DecidedBy::Store;
  bool near = false;       // little of the limit is left: see near_left()
  std::size_t member = 0;  // of a combined check: the place in the caller's list of what it is of
  bool shadow = false;     // it would be denied, for that reason, if the limit were no shadow
  // By which its taker gives permits back: see receipt.hpp; 0: none were taken.
  std::int64_t receipt = 0;
};

}  // namespace rategate
