// How many permits of a counter were spent lately: what may be given back of them at most. Kept in
// two spans of time, so that it is what was spent in the last one to two of them. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

class SpentLately {
 public:
  void spent(std::int64_t permits, Mono now, std::int64_t span_us) {
    advance(now, span_us);
    spent_ = std::min(spent_ + permits, kMost);
  }
  // At most `permits` of them are no more; says how many.
  std::int64_t take_back(std::int64_t permits, Mono now, std::int64_t span_us) {
    advance(now, span_us);
    const std::int64_t of_last = std::min(permits, spent_);
    const std::int64_t of_before = std::min(permits - of_last, before_);
    spent_ -= of_last;
    before_ -= of_before;
    return of_last + of_before;
  }

 private:
  static constexpr std::int64_t kMost = std::int64_t{1} << 60;

  void advance(Mono now, std::int64_t span_us) {
    if (now.us - began_.us < span_us) return;
    before_ = now.us - began_.us < 2 * span_us ? spent_ : 0;
    spent_ = 0;
    began_ = now;
  }

  std::int64_t spent_ = 0;
  std::int64_t before_ = 0;
  Mono began_{INT64_MIN / 2};
};

}  // namespace rategate
