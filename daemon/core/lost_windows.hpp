// The windows whose counts the store has lost, of one shard: checks in them are denied to the
// windows' end, because nobody knows any more how much of them was given out; or until all hosts
// have had the time to tell what they know of it (see Recounter).
//
// It is remembered by the moment through which everything is lost, and by the names of single
// counters, so that it outlives the counters' records, their limits and their numbers. Of single
// counters there is a bound; beyond it all windows that were open are taken for lost, which denies
// more than must be and never less. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "daemon/base/time.hpp"

namespace rategate {

class LostWindows {
 public:
  // So long hosts have to hear of a loss, and to tell what they know of its windows.
  static constexpr std::int64_t kTellingUs = 5'000'000;

  // Every window that started by then, or up to `margin_us` later. `recounts`: all hosts learn of
  // it, so that what they know together is what was counted.
  void lose_all(StoreTime through, std::int64_t margin_us, bool recounts) {
    if (!recounts) unknown_through_us_ = std::max(unknown_through_us_, through.us + margin_us);
    if (through <= through_) return;
    // What was lost before may reach further, by a larger margin.
    const std::int64_t known_us =
        through_.us == INT64_MIN ? 0 : through_.us + margin_us_ - through.us;
    through_ = through;
    margin_us_ = std::max(margin_us, known_us);
  }
  StoreTime through() const { return through_; }
  // Until then an old primary may have granted permits, or hosts may not have told of theirs.
  StoreTime told_by() const { return {own_through_us() + kTellingUs}; }
  // What another shard has lost, of which counters came here. The clocks of any two may be apart by
  // `skew_us`: it is added once, through however many shards they came. `told`: its told_by() is
  // over, so that its counters hold what hosts knew of them, and are counted on.
  void take_over(const LostWindows& other, std::int64_t skew_us, bool told) {
    if (other.through_.us != INT64_MIN) {
      const std::int64_t own_us = other.own_through_us() + skew_us;
      taken_through_us_ = std::max(taken_through_us_, own_us);
      if (!told) taken_untold_through_us_ = std::max(taken_untold_through_us_, own_us);
    }
    if (other.unknown_through_us_ != INT64_MIN) {
      taken_untold_through_us_ =
          std::max(taken_untold_through_us_, other.unknown_through_us_ + skew_us);
    }
    taken_through_us_ = std::max(taken_through_us_, other.taken_through_us_);
    taken_untold_through_us_ = std::max(taken_untold_through_us_, other.taken_untold_through_us_);
    counters_.insert(other.counters_.begin(), other.counters_.end());
    last_end_ms_ = std::max(last_end_ms_, other.last_end_ms_);
  }
  // The store's clock says no more than that, whatever it said before: nothing was lost later.
  void not_after(StoreTime now) {
    through_ = std::min(through_, now);
    unknown_through_us_ = std::min(unknown_through_us_, now.us + margin_us_);
  }
  // The window of one counter, by the counter's name in the store.
  void lose(const std::string& counter, const Window& window) {
    if (window.start_ms >= last_end_ms_) counters_.clear();  // all their windows are over
    last_end_ms_ = std::max(last_end_ms_, window.end_ms);
    if (counters_.size() >= kMost) forget_over(window.start_ms);
    if (counters_.size() >= kMost) {
      lose_all(StoreTime{window.start_ms * 1000}, 0, false);
      return;
    }
    counters_[counter] = window.end_ms;
  }

  // Whether there may be any: what each check asks first.
  bool any() const {
    return through_.us != INT64_MIN || taken_through_us_ != INT64_MIN || !counters_.empty();
  }
  // `lead_us`: how long before it starts permits of it may have been reserved: another host may
  // hold some, and cannot hear of the loss while it is cut off.
  bool has_all_of(const Window& window, std::int64_t lead_us) const {
    return window.start_ms * 1000 <= std::max(own_through_us(), taken_through_us_) + lead_us;
  }
  // Whether it is one of them, and what all hosts know of it together is what was counted.
  bool recounts(const Window& window, std::int64_t lead_us) const {
    const std::int64_t started_us = window.start_ms * 1000 - lead_us;
    return started_us <= std::max(own_through_us(), taken_through_us_) &&
           started_us > unknown_through_us_ && started_us > taken_untold_through_us_;
  }
  // Whether a window of some counter that is lost was not over when this one started.
  bool any_counter_of(const Window& window) const {
    return !counters_.empty() && window.start_ms < last_end_ms_;
  }
  bool has(const std::string& counter) const { return counters_.contains(counter); }

  // Those whose windows have ended by that moment.
  void forget_over(std::int64_t now_ms) {
    std::erase_if(counters_, [&](const auto& entry) { return entry.second <= now_ms; });
  }

 private:
  static constexpr std::size_t kMost = 4096;

  std::int64_t own_through_us() const { return through_.us + margin_us_; }

  StoreTime through_{INT64_MIN};
  std::int64_t margin_us_ = 0;
  // Of those, what not all hosts have heard of.
  std::int64_t unknown_through_us_ = INT64_MIN;
  std::int64_t taken_through_us_ = INT64_MIN;  // of other shards, by this one's clock
  // Of those, what not all hosts had told of when the counters came.
  std::int64_t taken_untold_through_us_ = INT64_MIN;
  std::int64_t last_end_ms_ = INT64_MIN;
  std::unordered_map<std::string, std::int64_t> counters_;  // name to the end of the window
};

}  // namespace rategate
