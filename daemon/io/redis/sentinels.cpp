#include "daemon/io/redis/sentinels.hpp"

#include "daemon/base/host_port.hpp"
#include "daemon/io/redis/way_options.hpp"

namespace rategate {

std::unique_ptr<Sentinels> Sentinels::make(uv_loop_t* loop, const FixedConfig& config,
                                           LoopWatch& watch, SentinelEvents& events) {
  if (config.store != StoreKind::Redis || config.sentinel.addresses.empty()) return nullptr;
  return std::unique_ptr<Sentinels>(new Sentinels(loop, config, watch, events));
}

// Two connections to each; under TLS a pair of sockets comes with each of these.
std::size_t Sentinels::descriptors(const FixedConfig& config) {
  return config.sentinel.addresses.size() * 2 * (config.sentinel.tls ? 3 : 1);
}

Sentinels::Sentinels(uv_loop_t* loop, const FixedConfig& config, LoopWatch& watch,
                     SentinelEvents& events)
    : login_(config.sentinel),
      topology_({way_options(config.redis), config.sentinel.master}, events) {
  const auto way = [&](const HostPort& to) -> RedisAskingTransport& {
    RedisServer server{
        {}, to.host, to.port, config.sentinel, "sentinel", 2 * config.redis.command_timeout_ms};
    transports_.push_back(
        std::make_unique<RedisAskingTransport>(loop, std::move(server), login_, watch));
    return *transports_.back();
  };
  for (const HostPort& to : config.sentinel.addresses) {
    RedisAskingTransport& asks = way(to);
    RedisAskingTransport& listens = way(to);
    topology_.add(to_text(to), asks, listens);
  }
}

}  // namespace rategate
