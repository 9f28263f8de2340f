// The daemon's own reading of CLOCK_MONOTONIC. Never the loop's cached time, which can be older
// than a request that was read in the same turn.
#pragma once

#include <cstdint>
#include <ctime>

#include "daemon/base/time.hpp"

namespace rategate {

inline std::int64_t mono_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

inline Mono mono_now() { return Mono{mono_now_ns() / 1000}; }

}  // namespace rategate
