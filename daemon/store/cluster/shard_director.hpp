// What the map of a Redis Cluster means for the driver's shards: whom each link is connected to,
// and where counters, losses and redirected reservations go. What is to be told of the cluster is
// left to whoever derives from it.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "daemon/store/cluster/cluster_topology.hpp"
#include "daemon/store/driver.hpp"

namespace rategate {

class ShardDirector : public ClusterEvents {
 public:
  // The driver may be made later, and outlives it. `scheme` stands before addresses that a person
  // sees.
  explicit ShardDirector(Driver& driver, std::string scheme = {})
      : driver_(driver), scheme_(std::move(scheme)) {}

  void slot_moved(std::uint16_t slot, ShardId from, ShardId to, Mono seen, Mono now) override;
  void slots_moved(Mono now) override { driver_.gate().slots_moved(now); }
  void shard_named(ShardId shard, const HostPort& primary, Mono now) override;
  void shard_dissolved(ShardId shard, Mono now) override;
  void ask_at(ShardId shard, Reservation reservation, Mono now) override;
  void nowhere_known(Mono now) override;

 private:
  Driver& driver_;
  const std::string scheme_;
};

}  // namespace rategate
