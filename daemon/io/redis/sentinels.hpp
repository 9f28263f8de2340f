// The sentinels that the configuration names, with the connections to them: a SentinelTopology, and
// what carries for it.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/redis/redis_asking_transport.hpp"
#include "daemon/store/sentinel/sentinel_topology.hpp"

namespace rategate {

class Sentinels {
 public:
  // Null where none is configured. `loop`, `watch` and `events` outlive it.
  static std::unique_ptr<Sentinels> make(uv_loop_t* loop, const FixedConfig& config,
                                         LoopWatch& watch, SentinelEvents& events);

  // How many descriptors the connections to them may take.
  static std::size_t descriptors(const FixedConfig& config);

  SentinelTopology& topology() { return topology_; }
  const SentinelTopology& topology() const { return topology_; }

 private:
  Sentinels(uv_loop_t* loop, const FixedConfig& config, LoopWatch& watch, SentinelEvents& events);

  // Always the same.
  class Login final : public AskingLogin {
   public:
    explicit Login(PasswordConfig config) : config_(std::move(config)) {}
    std::string_view username() const override { return config_.username; }
    std::string_view password() const override { return config_.password; }

   private:
    const PasswordConfig config_;
  };

  Login login_;
  std::vector<std::unique_ptr<RedisAskingTransport>> transports_;
  SentinelTopology topology_;
};

}  // namespace rategate
