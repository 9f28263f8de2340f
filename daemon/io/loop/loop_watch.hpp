// How long the loop has worked without waiting for events: the longest of its turns lately. What
// comes up meanwhile waits for that long.
//
// A turn is counted from the first thing that is handled in it to the moment when the loop waits
// again. Both moments are readings of the clock that are taken there anyway, so that a turn costs
// nothing more. It is real time: where other programs have the cores, their time is in it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

class LoopWatch {
 public:
  // Something is handled; of a turn only the first one counts.
  void works(Mono now) {
    if (working_) return;
    working_ = true;
    began_ = now;
  }

  // All that had come up is handled.
  void waits(Mono now) {
    if (!working_) return;
    working_ = false;
    forget_old(now);
    lately_us_ = std::max(lately_us_, now.us - began_.us);
  }

  // The longest turn of the last ten to twenty seconds; 0 where there was none.
  std::int64_t longest_us(Mono now) {
    forget_old(now);
    return std::max(before_us_, lately_us_);
  }

 private:
  static constexpr std::int64_t kSpanUs = 10'000'000;

  void forget_old(Mono now) {
    const std::int64_t spans = (now.us - since_.us) / kSpanUs;
    if (spans == 0) return;
    before_us_ = spans == 1 ? lately_us_ : 0;
    lately_us_ = 0;
    since_ = after(since_, spans * kSpanUs);
  }

  bool working_ = false;
  Mono began_;
  Mono since_;                  // when the span at hand began
  std::int64_t lately_us_ = 0;  // in the span at hand
  std::int64_t before_us_ = 0;  // in the one before it
};

}  // namespace rategate
