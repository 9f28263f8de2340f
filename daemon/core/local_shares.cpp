#include "daemon/core/local_shares.hpp"

#include <algorithm>

namespace rategate {

bool LocalShares::take(const std::string& counter, const Window& window, std::int64_t part,
                       std::int64_t cost) {
  const auto found = taken_.find(counter);
  if (found != taken_.end()) {
    if (found->second.permits + cost > part) return false;
    found->second.permits += cost;
    return true;
  }
  if (cost > part) return false;
  if (taken_.size() >= kMost && window.start_ms >= next_end_ms_) {
    next_end_ms_ = INT64_MAX;
    std::erase_if(taken_, [&](const auto& entry) {
      if (entry.second.end_ms <= window.start_ms) return true;
      next_end_ms_ = std::min(next_end_ms_, entry.second.end_ms);
      return false;
    });
  }
  if (taken_.size() >= kMost) return false;
  taken_[counter] = {window.end_ms, cost};
  next_end_ms_ = std::min(next_end_ms_, window.end_ms);
  return true;
}

std::int64_t LocalShares::left(const std::string& counter, std::int64_t part) const {
  const auto found = taken_.find(counter);
  return std::max<std::int64_t>(0, part - (found == taken_.end() ? 0 : found->second.permits));
}

}  // namespace rategate
