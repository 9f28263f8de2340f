#include "daemon/io/redis/cluster_nodes.hpp"

#include <utility>

#include "daemon/io/redis/way_options.hpp"

namespace rategate {

class ClusterNodes::Way final : public RedisAskingTransport {
 public:
  Way(uv_loop_t* loop, RedisServer server, ClusterNodes& nodes)
      : RedisAskingTransport(loop, std::move(server), nodes, nodes.watch_), ways_(nodes.ways_) {
    ways_.push_back(this);
  }
  ~Way() override { std::erase(ways_, this); }

 private:
  std::vector<RedisAskingTransport*>& ways_;
};

std::unique_ptr<ClusterNodes> ClusterNodes::make(uv_loop_t* loop, const RedisConfig& redis,
                                                 const Config& config, LoopWatch& watch,
                                                 ClusterEvents& events) {
  const FixedConfig& fixed = config.fixed;
  if (fixed.store != StoreKind::Redis || fixed.cluster.addresses.empty()) return nullptr;
  return std::unique_ptr<ClusterNodes>(new ClusterNodes(loop, redis, config, watch, events));
}

// One that asks and one that counts to each shard; under TLS a pair of sockets comes with each.
std::size_t ClusterNodes::descriptors(const FixedConfig& config) {
  if (config.cluster.addresses.empty()) return 0;
  const std::size_t connections =
      2 * ClusterTopology::kMostShards + config.cluster.addresses.size();
  return connections * (config.redis.tls ? 3 : 1);
}

ClusterNodes::ClusterNodes(uv_loop_t* loop, const RedisConfig& redis, const Config& config,
                           LoopWatch& watch, ClusterEvents& events)
    : loop_(loop),
      watch_(watch),
      redis_(redis),
      login_(loop, config.live.login, redis, *this),
      topology_({way_options(config.fixed.redis), config.fixed.cluster.addresses}, *this, events) {}

std::unique_ptr<AskingTransport> ClusterNodes::way_to(const HostPort& node) {
  RedisServer server{{}, node.host, node.port, redis_, "redis", 2 * redis_.command_timeout_ms};
  return std::make_unique<Way>(loop_, std::move(server), *this);
}

void ClusterNodes::password_fetched(bool) {
  for (RedisAskingTransport* const way : std::vector(ways_)) way->password_fetched();
}

void ClusterNodes::told(std::string_view error) {
  if (error.empty()) {
    login_.accepted();
  } else {
    login_.refused(error);
  }
}

}  // namespace rategate
