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

bool LocalShares::take_from_bucket(const std::string& counter, const BucketAsked& part,
                                   std::int64_t cost, StoreTime now, std::int64_t& left) {
  const auto found = buckets_.find(counter);
  BucketAsked asked = part;
  if (found == buckets_.end()) {
    asked.emptied = now;
    if (buckets_.size() >= kMost && now >= next_full_) {
      next_full_ = {INT64_MAX};
      std::erase_if(buckets_, [&](const auto& entry) {
        const StoreTime full = full_at(entry.second);
        if (full <= now) return true;
        next_full_ = std::min(next_full_, full);
        return false;
      });
    }
    if (buckets_.size() >= kMost) return false;
  }
  const auto stored =
      found == buckets_.end() ? std::nullopt : std::optional<TokenBucket>(found->second);
  const BucketGrant grant = grant_from_bucket(stored, asked, CostRuns{{cost, 1}}, now);
  left = std::max<std::int64_t>(0, permits_in(grant.bucket, part.burst, now));
  if (grant.changed) {
    buckets_[counter] = grant.bucket;
    next_full_ = std::min(next_full_, full_at(grant.bucket));
  }
  return grant.granted.front() == 1;
}

std::int64_t LocalShares::left(const std::string& counter, std::int64_t part) const {
  const auto found = taken_.find(counter);
  return std::max<std::int64_t>(0, part - (found == taken_.end() ? 0 : found->second.permits));
}

}  // namespace rategate
