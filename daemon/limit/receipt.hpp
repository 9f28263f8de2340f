// What names the permits that a check was given, so that those of them that were not used can be
// given back: docs/settling.md. It is a number for their taker to keep; the daemon keeps nothing of
// it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/limit/spread.hpp"

namespace rategate {

struct Receipt {
  // Ms of the store's clock: the end of the window, or slice of a bucket, that they are of. Of a
  // bucket that the store was asked for, the moment of its answer, rounded down.
  std::int64_t until_ms = 0;
  std::size_t sub = 0;  // of a limit that is spread, which of its counters

  // Of a limit that is not, the moment alone.
  std::int64_t number(bool spread) const {
    return spread ? until_ms * kMostSpread + static_cast<std::int64_t>(sub) : until_ms;
  }
  static Receipt of(std::int64_t number, bool spread) {
    if (!spread) return {number};
    return {number / kMostSpread, static_cast<std::size_t>(number % kMostSpread)};
  }
};

}  // namespace rategate
