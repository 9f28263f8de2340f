// A limit that is spread over several counters, so that several shards of a Redis Cluster share
// what is asked of it: docs/redis-cluster.md, "A limit that is too hot for one shard". Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/limit/limit.hpp"

namespace rategate {

inline constexpr std::int64_t kMostSpread = 16;

// The limits whose counters together are those of `limit`, `limit.spread` of them. Their permits
// are whole numbers that sum to the limit's, and differ by one at most, the larger ones first.
std::vector<Limit> sub_limits_of(const Limit& limit);

}  // namespace rategate
