// The two clocks, as types that cannot be mixed up. Both count microseconds.
#pragma once

#include <compare>
#include <cstdint>

namespace rategate {

// A reading of this host's CLOCK_BOOTTIME, which goes on while the host is suspended.
struct Mono {
  std::int64_t us = 0;
  auto operator<=>(const Mono&) const = default;
};
inline constexpr Mono kNever{INT64_MAX};

// A moment of the store's clock (Redis TIME), since 1970.
struct StoreTime {
  std::int64_t us = 0;
  auto operator<=>(const StoreTime&) const = default;
};

// The aligned period a permit is good for, in ms of store time: [start, end).
struct Window {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  auto operator<=>(const Window&) const = default;
};

inline Mono after(Mono t, std::int64_t us) {
  return t.us > INT64_MAX - us ? kNever : Mono{t.us + us};
}

}  // namespace rategate
