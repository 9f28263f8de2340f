// The daemon: it makes the parts, ties them together, and takes them apart again. It alone knows
// all of them; each of them knows what is below it, and tells what happens to an interface of its
// own (docs/architecture.md, "Events between parts").
#pragma once

#include <uv.h>

#include <string>

#include "daemon/app/lifecycle.hpp"
#include "daemon/app/options.hpp"
#include "daemon/app/reload.hpp"
#include "daemon/app/shutdown.hpp"
#include "daemon/app/signals.hpp"
#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/sessions/server.hpp"
#include "daemon/io/systemd/notify.hpp"

namespace rategate {

class Daemon final : private SignalEvents,
                     private StatusSource,
                     private EngineEvents,
                     private ConfigService {
 public:
  // Whatever is handed over by reference lives longer than this.
  Daemon(uv_loop_t* loop, const Options& options, Config config, Log& log, Notify& notify);

  // Serves from now on, as the loop runs. Error: it cannot, and the loop need not run.
  Result<bool> start();

 private:
  void stop_asked() override;
  void reload_asked() override;
  ReloadOutcome reload(const Caller& caller) override;
  std::string status() const override;
  void check_answered(const Answer& answer) override { server_.answered(answer); }
  void clear_answered(const Cleared& answer) override { server_.cleared(answer); }
  void entry_answered(const EntryAnswer& answer) override { server_.entered(answer); }
  void checks_answered() override { server_.answers_done(); }
  void store_changed() override;
  void turn_over() override { server_.turn_over(); }

  void warn_of_what_is_insecure();
  Reload::Outcome load_anew();
  void allow_for_clients();
  void log_ready();

  uv_loop_t* loop_;
  const Config config_;
  Log& log_;
  Notify& notify_;
  Engine engine_;
  Server server_;
  Reload reload_;
  Lifecycle lifecycle_;
  Shutdown shutdown_;
  Signals signals_;
  std::string socket_;  // where it listens, for the log
  std::string tcp_;
};

}  // namespace rategate
