// The windows whose counts a shard of the store has lost: checks in them are denied to the windows'
// end, because nobody knows any more how much of them was given out; or until all hosts have had
// the time to tell what they know of it (see Recounter).
//
// It is remembered by the moment through which everything is lost. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

// How far losses reach, in us of the store's clock.
struct LostThrough {
  std::int64_t all_us = INT64_MIN;        // every window that had begun by then
  std::int64_t uncounted_us = INT64_MIN;  // of those the ones of which some host may not have heard
  std::int64_t told_by_us = INT64_MIN;    // of the others all have had the time to tell by then

  // `lead_us`: how long before it starts permits of it may have been reserved: another host may
  // hold some, and cannot hear of the loss while it is cut off.
  bool has(const Window& window, std::int64_t lead_us) const {
    return window.start_ms * 1000 - lead_us <= all_us;
  }
  // Whether it is one of them, and what all hosts know of it together is what was counted.
  bool recounts(const Window& window, std::int64_t lead_us) const {
    return has(window, lead_us) && window.start_ms * 1000 - lead_us > uncounted_us;
  }
  void add(const LostThrough& more) {
    all_us = std::max(all_us, more.all_us);
    uncounted_us = std::max(uncounted_us, more.uncounted_us);
    told_by_us = std::max(told_by_us, more.told_by_us);
  }
};

class LostWindows {
 public:
  // So long hosts have to hear of a loss, and to tell what they know of its windows.
  static constexpr std::int64_t kTellingUs = 5'000'000;

  // Every window that started by then, or up to `margin_us` later. `recounts`: all hosts learn of
  // it, so that what they know together is what was counted.
  void lose_all(StoreTime through, std::int64_t margin_us, bool recounts) {
    if (!recounts) uncounted_us_ = std::max(uncounted_us_, through.us + margin_us);
    if (through <= through_) return;
    // What was lost before may reach further, by a larger margin.
    const std::int64_t known_us = any() ? through_.us + margin_us_ - through.us : 0;
    through_ = through;
    margin_us_ = std::max(margin_us, known_us);
  }
  // The store's clock says no more than that, whatever it said before: nothing was lost later.
  void not_after(StoreTime now) {
    through_ = std::min(through_, now);
    uncounted_us_ = std::min(uncounted_us_, now.us + margin_us_);
  }
  StoreTime through() const { return through_; }
  // Whether there may be any: what each check asks first.
  bool any() const { return through_.us != INT64_MIN; }
  // Until told_by_us an old primary may have granted permits, or hosts may not have told of theirs.
  LostThrough all() const {
    if (!any()) return {};
    const std::int64_t all_us = through_.us + margin_us_;
    return {all_us, uncounted_us_, all_us + kTellingUs};
  }

 private:
  StoreTime through_{INT64_MIN};
  std::int64_t margin_us_ = 0;
  std::int64_t uncounted_us_ = INT64_MIN;  // of those, what not all hosts have heard of
};

}  // namespace rategate
