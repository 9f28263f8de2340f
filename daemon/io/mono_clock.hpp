// The daemon's one reading of CLOCK_MONOTONIC. Never the loop's cached time, which can be older
// than a request that was read in the same turn.
#pragma once

#include <ctime>

#include "daemon/core/time.hpp"

namespace rategate {

inline Mono mono_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Mono{now.tv_sec * 1'000'000 + now.tv_nsec / 1000};
}

}  // namespace rategate
