// What one daemon knows of a cluster: the real ClusterTopology, with the ways to nodes that it asks
// for the map, and the real ShardDirector of the daemon's driver.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/store/cluster/shard_director.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

class Daemon;
class World;

class ClusterHost final : private ClusterWays, private ShardDirector {
 public:
  ClusterHost(World& world, Daemon& daemon);

  ClusterTopology& topology() { return topology_; }
  const ClusterTopology& topology() const { return topology_; }
  // By how much the clock is ahead by which the daemon tells the counter's windows: that of the
  // shard in which the gate has it.
  std::int64_t skew_us(const std::string& counter);
  // All ways to those nodes end, or fall silent.
  void cut_off(const std::set<const Store*>& from, bool silent);

 private:
  class Way;

  std::unique_ptr<AskingTransport> way_to(const HostPort& node) override;
  void cluster_event(const ClusterEvent&) override {}
  void cluster_changed() override {}
  void slots_moved(Mono now) override;
  void shard_named(ShardId shard, const HostPort& primary, Mono now) override;

  World& world_;
  Daemon& daemon_;
  std::vector<std::int64_t> skews_us_;  // of each shard
  // Where the gate has counters: a MOVED counts there once slots_moved() has said so.
  std::map<std::string, ShardId> gate_has_;
  std::vector<Way*> ways_;  // that there are
  ClusterTopology topology_;
};

}  // namespace rategate::sim
