// Loads the configuration again, while the daemon runs: what may change takes effect as a whole, or
// not at all.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/app/options.hpp"
#include "daemon/config/config.hpp"
#include "daemon/config/fault.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/sessions/server.hpp"

namespace rategate {

class Reload {
 public:
  struct Outcome {
    std::vector<Fault> faults;  // none: what may change is in force
    std::size_t limits = 0;     // that are configured now
    // Settings that changed and are not in force: "server.tcp, server.max_clients".
    std::string needs_restart;
  };

  // `running`: what was fixed at the start. All of them live longer than this.
  Reload(const Options& options, const FixedConfig& running, Engine& engine, Server& server,
         Log& log);

  Outcome run();
  // Why the last one was refused; empty where it was not.
  const std::string& fault() const { return fault_; }

 private:
  std::string accept(const Config& config);
  void refuse(const std::vector<Fault>& faults);

  const Options& options_;
  const FixedConfig& running_;
  Engine& engine_;
  Server& server_;
  Log& log_;
  std::string fault_;
};

}  // namespace rategate
