// Loads the configuration again, while the daemon runs: what may change takes effect as a whole, or
// not at all.
#pragma once

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
  // `running`: what was fixed at the start. All of them live longer than this.
  Reload(const Options& options, const FixedConfig& running, Engine& engine, Server& server,
         Log& log);

  void run();
  // Why the last one was refused; empty where it was not.
  const std::string& fault() const { return fault_; }

 private:
  void accept(const Config& config);
  void refuse(const std::vector<Fault>& faults);

  const Options& options_;
  const FixedConfig& running_;
  Engine& engine_;
  Server& server_;
  Log& log_;
  std::string fault_;
};

}  // namespace rategate
