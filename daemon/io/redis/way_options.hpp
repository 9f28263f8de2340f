// How long ways to servers are waited for, as [redis] says: of the store, of sentinels, and of the
// nodes of a cluster.
#pragma once

#include <cstdint>

#include "daemon/config/config.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/store/connecting.hpp"

namespace rategate {

inline WayOptions way_options(const RedisConfig& redis) {
  return {redis.connect_timeout_ms * 1000, redis.command_timeout_ms * 1000,
          redis.backoff_min_ms * 1000, redis.backoff_max_ms * 1000,
          static_cast<std::uint64_t>(mono_now_ns())};
}

}  // namespace rategate
