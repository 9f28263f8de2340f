// When to say what somebody else can make happen as often as he likes: the first time, and then
// once in a while, with how often it has happened since. Time is an argument. Not thread-safe.
#pragma once

#include <cstdint>
#include <utility>

#include "daemon/base/time.hpp"

namespace rategate {

class Seldom {
 public:
  explicit Seldom(std::int64_t every_us = 10'000'000) : every_us_(every_us) {}

  // It has happened once more. How often since it was last said, if it is to be said now; else 0.
  [[nodiscard]] std::uint64_t happened(Mono now) {
    ++times_;
    if (now < next_) return 0;
    next_ = after(now, every_us_);
    return std::exchange(times_, 0);
  }

 private:
  std::int64_t every_us_;
  Mono next_{INT64_MIN};
  std::uint64_t times_ = 0;
};

}  // namespace rategate
