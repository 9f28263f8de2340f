// The daemon's own reading of its clock, CLOCK_BOOTTIME: windows end while the host is suspended,
// and CLOCK_MONOTONIC stands still then. Never the loop's cached time, which can be older than a
// request that was read in the same turn.
#pragma once

#include <cstdint>
#include <ctime>

#include "daemon/base/time.hpp"

namespace rategate {

inline std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t mono_now_ns() { return clock_ns(CLOCK_BOOTTIME); }
inline Mono mono_now() { return Mono{mono_now_ns() / 1000}; }

}  // namespace rategate
