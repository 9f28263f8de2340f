// The daemon's face, for the one who makes it: the sessions, and the three parts that answer them.
#pragma once

#include <uv.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/net/listener.hpp"
#include "daemon/io/sessions/checks.hpp"
#include "daemon/io/sessions/peer_access.hpp"
#include "daemon/io/sessions/sessions.hpp"
#include "daemon/io/sessions/sharing.hpp"
#include "daemon/io/sessions/state.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class Server {
 public:
  Server(uv_loop_t* loop, const Config& config, std::string config_file, Engine& engine,
         ConfigService& reloads, Log& log)
      : checks_(config, engine, log),
        sharing_(checks_, engine, log),
        state_(config.fixed, std::move(config_file), {engine, checks_, sharing_, sessions_, log}),
        services_{checks_, sharing_, state_, reloads},
        sessions_(loop, config.fixed.server, services_, engine.watch(), log) {}

  Result<bool> listen(std::vector<std::unique_ptr<Listener>> listeners) {
    return sessions_.listen(std::move(listeners));
  }
  // Fewer than max_clients.
  void allow_clients(std::size_t most) { sessions_.allow(most); }
  LimitTable::Change configure(const LiveConfig& live) { return checks_.configure(live); }
  void offer(PeerAccesses accesses) { sharing_.offer(std::move(accesses)); }

  // The engine's answers.
  void answered(const Answer& answer);
  void cleared(const Cleared& answer);
  void entered(const EntryAnswer& answer);
  void answers_done() { sessions_.answers_done(); }
  void turn_over() { sessions_.turn_over(); }

  void drain(SessionsEvents& events) { sessions_.drain(events); }

  std::size_t clients_count() const { return sessions_.count(); }
  const LimitTable& limit_table() const { return checks_.limits(); }
  Overview overview() const { return state_.overview(); }

 private:
  Checks checks_;
  Sharing sharing_;
  State state_;
  const Services services_;
  Sessions sessions_;
  std::string reply_;  // kept for its memory
};

}  // namespace rategate
