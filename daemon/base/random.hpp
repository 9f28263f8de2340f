// Random numbers for jitter: fast and of no other quality. Not thread-safe.
#pragma once

#include <cstdint>

namespace rategate {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed | 1) {}

  // 0 to 1023. xorshift64 (Marsaglia 2003).
  std::int64_t of_1024() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>(state_ >> 54);
  }

 private:
  std::uint64_t state_;
};

}  // namespace rategate
