// What is told of the store as a whole, which may be of several shards: the worst of them counts.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "daemon/limit/clock_reading.hpp"
#include "daemon/store/driver.hpp"

namespace rategate {

class StoreOverview {
 public:
  // `shards`: that are in use; where there are none, it is connecting, or away.
  StoreOverview(const Driver& driver, std::vector<ShardId> shards)
      : driver_(driver), shards_(std::move(shards)) {}

  // The address is that of the first one. With more than one, what is wrong names the shard.
  StoreStatus status() const;
  // "up", "connecting", "away" or "refusing".
  std::string_view state() const;
  // Each has answered once, or it is known that it does not.
  bool is_settled() const;
  // Of the shard whose time is known least well; none where that of one is not known.
  std::optional<ShardId> least_known_clock(Mono now) const;
  std::size_t shards() const { return shards_.size(); }
  std::size_t up() const;
  std::size_t away() const;

 private:
  const StoreHealth& health(ShardId shard) const { return driver_.gate().shard(shard).health; }

  const Driver& driver_;
  const std::vector<ShardId> shards_;
};

}  // namespace rategate
