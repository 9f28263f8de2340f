// The single counters whose count the store has lost in one window, by their names in the store, so
// that this outlives their records, their limits and their numbers, and concerns them in whatever
// shard they are. There is a bound. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "daemon/base/time.hpp"

namespace rategate {

class LostCounters {
 public:
  static constexpr std::size_t kMost = 4096;

  // `skew_ms`: so far the clocks may be apart by which windows are told. False where there are too
  // many already.
  bool lose(const std::string& counter, const Window& window, std::int64_t skew_ms) {
    const std::int64_t over_ms = window.start_ms - skew_ms;
    if (over_ms >= last_end_ms_) counters_.clear();
    if (counters_.size() >= kMost) {
      std::erase_if(counters_, [&](const auto& entry) { return entry.second <= over_ms; });
    }
    if (counters_.size() >= kMost) return false;
    last_end_ms_ = std::max(last_end_ms_, window.end_ms);
    counters_[counter] = window.end_ms;
    return true;
  }
  // Whether a window of some counter that is lost was not over when this one started.
  bool may_have_one_of(const Window& window) const {
    return !counters_.empty() && window.start_ms < last_end_ms_;
  }
  bool has(const std::string& counter) const { return counters_.contains(counter); }

 private:
  std::int64_t last_end_ms_ = INT64_MIN;
  std::unordered_map<std::string, std::int64_t> counters_;  // name to the end of the window
};

}  // namespace rategate
