// How long to wait before the next try of something that keeps failing.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/base/random.hpp"

namespace rategate {

// `min_us`, doubled with each failure up to `max_us`; of that between half and all, so that the
// hosts of a fleet do not come back as one. `failures`: those before this one.
inline std::int64_t backoff_us(std::int64_t min_us, std::int64_t max_us, std::uint64_t failures,
                               Random& random) {
  constexpr std::uint64_t kMostDoublings = 20;
  const std::int64_t ceiling = std::min(max_us, min_us << std::min(failures, kMostDoublings));
  return ceiling / 2 + ceiling / 2 * random.of_1024() / 1024;
}

}  // namespace rategate
