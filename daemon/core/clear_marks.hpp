// The marks of counters that were cleared, as far as this host has met them, and which it has asked
// to clear, as nobody knows whether that was done until it is answered: docs/clearing.md. By their
// names in the store, so that this outlives their records. There is a bound: one that is forgotten
// is taken for a new one when it is met again. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace rategate {

class ClearMarks {
 public:
  static constexpr std::size_t kMost = 4096;

  bool empty() const { return marks_.empty(); }
  // 0: none is known.
  std::int64_t of(const std::string& counter) const {
    if (empty()) return 0;
    const auto found = marks_.find(counter);
    return found == marks_.end() ? 0 : found->second.mark;
  }
  // Whether it was cleared, or may have been: what was taken of it is not to be given back.
  bool may_be_cleared(const std::string& counter) const {
    return !empty() && marks_.contains(counter);
  }
  // The store is asked to clear it.
  void asked(const std::string& counter, std::int64_t end_ms, std::int64_t now_ms) {
    learn(counter, of(counter), end_ms, now_ms);
  }
  // Of a window that ends then.
  void learn(const std::string& counter, std::int64_t mark, std::int64_t end_ms,
             std::int64_t now_ms) {
    if (marks_.size() >= kMost) {
      std::erase_if(marks_, [&](const auto& entry) { return entry.second.end_ms <= now_ms; });
    }
    if (marks_.size() >= kMost) marks_.erase(marks_.begin());
    marks_[counter] = {mark, end_ms};
  }

 private:
  struct Mark {
    std::int64_t mark;  // 0: none is known
    std::int64_t end_ms;
  };
  std::unordered_map<std::string, Mark> marks_;
};

}  // namespace rategate
