// How far the clock of programs with shared memory, CLOCK_MONOTONIC, is behind the daemon's, which
// goes on while the host is suspended. Not thread-safe.
#pragma once

#include <cstdint>

#include "daemon/io/loop/mono_clock.hpp"

namespace rategate {

class ClientsClock {
 public:
  std::int64_t behind_ns() const { return behind_ns_; }

  // Whether the host was suspended since the last look, so that it is another distance now. Takes
  // two readings of a clock where it was not.
  bool look() {
    const std::int64_t daemons = mono_now_ns();
    if (is_as_known(daemons - clock_ns(CLOCK_MONOTONIC))) return false;
    // Or this process was, between the two readings.
    const std::int64_t behind = measure();
    if (is_as_known(behind)) return false;
    behind_ns_ = behind;
    return true;
  }

 private:
  // No host is suspended for less.
  static constexpr std::int64_t kLeastNs = 1'000'000;

  bool is_as_known(std::int64_t behind) const {
    return behind - behind_ns_ < kLeastNs && behind_ns_ - behind < kLeastNs;
  }

  // Of some readings of the one between two of the other the closest.
  static std::int64_t measure() {
    std::int64_t behind = 0;
    std::int64_t closest = INT64_MAX;
    for (int i = 0; i < 5; ++i) {
      const std::int64_t before = clock_ns(CLOCK_MONOTONIC);
      const std::int64_t daemons = mono_now_ns();
      const std::int64_t apart = clock_ns(CLOCK_MONOTONIC) - before;
      if (apart >= closest) continue;
      closest = apart;
      behind = daemons - (before + apart / 2);
    }
    return behind;
  }

  std::int64_t behind_ns_ = measure();
};

}  // namespace rategate
