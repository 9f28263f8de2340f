// Who knows the daemon's state: the one place that reads from the running parts what INFO, LIMITS,
// the status line and CLIENT tell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/sessions/checks.hpp"
#include "daemon/io/sessions/sessions.hpp"
#include "daemon/io/sessions/sharing.hpp"
#include "daemon/metrics/snapshot.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class State final : public StateService {
 public:
  struct Parts {
    Engine& engine;
    const Checks& checks;
    const Sharing& sharing;
    const Sessions& sessions;
    const Log& log;
  };
  State(const FixedConfig& config, std::string config_file, const Parts& parts);

  // What costs the same however many limits and keys there are.
  Overview overview() const;

  std::string_view version() override;
  Snapshot snapshot(bool with_limits) override;
  std::vector<ClientStatus> clients(std::uint64_t after, std::size_t most) override;
  ClientStatus client(const Caller& caller) override;
  bool output_full() override { return parts_.sessions.budget().full(); }

 private:
  void look_at_pools();
  ClientStatus status_of(const Connection& connection, Mono now) const;

  const ServerConfig config_;
  const StoreKind store_;
  const std::string config_file_;
  const Parts parts_;
  const Mono started_;
  Mono look_due_{INT64_MIN};  // when many pools may be looked at again
};

}  // namespace rategate
