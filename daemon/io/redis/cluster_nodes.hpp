// The nodes of a Redis Cluster that are asked for its map, with the connections to them: a
// ClusterTopology, and what carries for it. All log in as the connections to the shards do.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/redis/asking_login.hpp"
#include "daemon/io/redis/redis_asking_transport.hpp"
#include "daemon/io/redis/redis_login.hpp"
#include "daemon/store/cluster/cluster_topology.hpp"

namespace rategate {

class ClusterNodes final : private ClusterWays, private RedisLoginEvents, private AskingLogin {
 public:
  // Null where no cluster is configured. `loop`, `config`, `watch` and `events` outlive it.
  static std::unique_ptr<ClusterNodes> make(uv_loop_t* loop, const RedisConfig& redis,
                                            const Config& config, LoopWatch& watch,
                                            ClusterEvents& events);

  // How many descriptors the connections to them, and to the shards, may take.
  static std::size_t descriptors(const FixedConfig& config);

  // Who logs in from the next connection on.
  void configure(const LoginConfig& login) { login_.configure(login); }

  ClusterTopology& topology() { return topology_; }
  const ClusterTopology& topology() const { return topology_; }

 private:
  // The way to one node, which is told of passwords for as long as it is there.
  class Way;

  ClusterNodes(uv_loop_t* loop, const RedisConfig& redis, const Config& config, LoopWatch& watch,
               ClusterEvents& events);

  std::unique_ptr<AskingTransport> way_to(const HostPort& node) override;
  void password_fetched(bool another) override;
  RedisLogin::Ready prepare() override { return login_.prepare(); }
  std::string_view error() const override { return login_.error(); }
  std::string_view username() const override { return login_.username(); }
  std::string_view password() const override { return login_.password(); }
  void told(std::string_view error) override;

  uv_loop_t* loop_;
  LoopWatch& watch_;
  const RedisConfig& redis_;
  RedisLogin login_;
  std::vector<RedisAskingTransport*> ways_;  // that there are
  ClusterTopology topology_;
};

}  // namespace rategate
