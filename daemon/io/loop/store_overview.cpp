#include "daemon/io/loop/store_overview.hpp"

#include <algorithm>

namespace rategate {

StoreStatus StoreOverview::status() const {
  StoreStatus whole;
  for (const ShardId shard : shards_) {
    const StoreStatus& one = driver_.link(shard).status();
    if (whole.address.empty()) whole = one;
    if (shards_.size() == 1) return whole;
    if (shard != shards_.front()) whole.reconnects += one.reconnects;
    whole.run_id.clear();  // of one process, where there are many
  }
  whole.error.clear();
  for (const ShardId shard : shards_) {
    const StoreStatus& one = driver_.link(shard).status();
    if (one.error.empty()) continue;
    whole.error.append(whole.error.empty() ? "" : "; ").append(one.address + ": " + one.error);
  }
  return whole;
}

std::string_view StoreOverview::state() const {
  const auto any = [&](const auto& is) {
    return std::any_of(shards_.begin(), shards_.end(),
                       [&](ShardId shard) { return is(health(shard)); });
  };
  if (any([](const StoreHealth& one) { return one.is_away(); })) return "away";
  if (shards_.empty() || any([](const StoreHealth& one) { return !one.is_up(); })) {
    return "connecting";
  }
  return any([](const StoreHealth& one) { return one.refuses(); }) ? "refusing" : "up";
}

bool StoreOverview::is_settled() const {
  return std::all_of(shards_.begin(), shards_.end(),
                     [&](ShardId shard) { return health(shard).is_settled(); });
}

std::optional<ShardId> StoreOverview::least_known_clock(Mono now) const {
  std::optional<ShardId> least;
  std::int64_t error_us = -1;
  for (const ShardId shard : shards_) {
    const auto reading = driver_.gate().shard(shard).clock.read(now);
    if (!reading) return std::nullopt;
    if (reading->error_us() <= error_us) continue;
    error_us = reading->error_us();
    least = shard;
  }
  return least;
}

std::size_t StoreOverview::up() const {
  return static_cast<std::size_t>(std::count_if(
      shards_.begin(), shards_.end(), [&](ShardId shard) { return health(shard).is_up(); }));
}

std::size_t StoreOverview::away() const {
  return static_cast<std::size_t>(std::count_if(
      shards_.begin(), shards_.end(), [&](ShardId shard) { return health(shard).is_away(); }));
}

}  // namespace rategate
