#include "daemon/core/local_shares.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace rategate {
namespace {

// Whether there is room for one more, or is made by forgetting those that are over. `next`: before
// that moment none of them is.
template <class Map, class Moment, class OverAt>
bool has_room(Map& map, std::size_t most, Moment now, Moment& next, const OverAt& over_at) {
  if (map.size() >= most && now >= next) {
    next = std::numeric_limits<Moment>::max();
    std::erase_if(map, [&](const auto& entry) {
      const Moment at = over_at(entry.second);
      if (at <= now) return true;
      next = std::min(next, at);
      return false;
    });
  }
  return map.size() < most;
}

}  // namespace

bool LocalShares::take(const std::string& counter, const Window& window, std::int64_t part,
                       std::int64_t cost) {
  const auto found = taken_.find(counter);
  if (found != taken_.end()) {
    if (found->second.permits + cost > part) return false;
    found->second.permits += cost;
    return true;
  }
  if (cost > part) return false;
  const auto end_ms = [](const Taken& taken) { return taken.end_ms; };
  if (!has_room(taken_, kMost, window.start_ms, next_end_ms_, end_ms)) return false;
  taken_[counter] = {window.end_ms, cost};
  next_end_ms_ = std::min(next_end_ms_, window.end_ms);
  return true;
}

bool LocalShares::take_from_bucket(const std::string& counter, const BucketAsked& part,
                                   const Ask& ask, StoreTime now, std::int64_t& left) {
  const auto found = buckets_.find(counter);
  const bool is_new = found == buckets_.end();
  const auto full_us = [](const Bucket& bucket) { return full_at(bucket).us; };
  if (is_new && !has_room(buckets_, kMost, now.us, next_full_us_, full_us)) return false;
  BucketAsked asked = part;
  if (is_new) asked.emptied = now;
  const auto stored = is_new ? std::nullopt : std::optional<Bucket>(found->second);
  const GrantOfBucket grant = grant_from(stored, asked, {}, CostRuns{{ask.taken(), 1}}, now);
  left = std::max<std::int64_t>(0, permits_in(grant.bucket, part.burst, now));
  if (!ask.takes) return ask.cost <= left;
  if (grant.changed) {
    buckets_[counter] = grant.bucket;
    next_full_us_ = std::min(next_full_us_, full_us(grant.bucket));
  }
  return grant.granted.front() == 1;
}

void LocalShares::forget_buckets() {
  buckets_.clear();
  next_full_us_ = INT64_MAX;
}

std::int64_t LocalShares::left(const std::string& counter, std::int64_t part) const {
  const auto found = taken_.find(counter);
  return std::max<std::int64_t>(0, part - (found == taken_.end() ? 0 : found->second.permits));
}

}  // namespace rategate
