// What a host has lately spent of one counter: a sliding count over two buckets, each as long as
// LimitUse::demand_us. Pure; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

class Demand {
 public:
  // Counts that came within less than this are taken as if it had been so long.
  static constexpr std::int64_t kShortestUs = 1'000;

  void spent(Mono now, std::int64_t permits, std::int64_t bucket_us) {
    turn(now, bucket_us);
    current_ = static_cast<std::int32_t>(std::min<std::int64_t>(current_ + permits, INT32_MAX));
  }

  // Permits of about the last bucket's length.
  std::int64_t lately(Mono now, std::int64_t bucket_us) {
    turn(now, bucket_us);
    return std::int64_t{current_} + std::max(0, previous_);
  }

  // Permits per second.
  std::int64_t rate(Mono now, std::int64_t bucket_us) {
    turn(now, bucket_us);
    const std::int64_t into = std::clamp<std::int64_t>(now.us - began_.us, 0, bucket_us);
    if (previous_ < 0) {  // the first bucket: there is nothing before it to be slid over
      return std::int64_t{current_} * 1'000'000 / std::max(into, kShortestUs);
    }
    // The part of the bucket before that is still within the last bucket's length.
    const std::int64_t old = previous_ * ((bucket_us - into) / 1000) / (bucket_us / 1000);
    return (old + current_) * 1'000'000 / bucket_us;
  }

  // The same of the whole bucket before this one; 0: there was none.
  std::int64_t rate_before(Mono now, std::int64_t bucket_us) {
    turn(now, bucket_us);
    return std::max<std::int64_t>(0, previous_) * 1'000'000 / bucket_us;
  }

 private:
  void turn(Mono now, std::int64_t bucket_us) {
    const std::int64_t age = now.us - began_.us;
    if (age < bucket_us && previous_ != kNever) return;
    if (previous_ == kNever || age >= 2 * bucket_us) {
      // Nobody asked for so long that it is as if nobody had ever.
      previous_ = kFirst;
      began_ = now;
    } else {
      previous_ = current_;
      began_ = Mono{began_.us + bucket_us};
    }
    current_ = 0;
  }

  static constexpr std::int32_t kNever = -2;
  static constexpr std::int32_t kFirst = -1;

  Mono began_;
  // More than a limit can have in a bucket is counted as that.
  std::int32_t current_ = 0;
  std::int32_t previous_ = kNever;
};

}  // namespace rategate
