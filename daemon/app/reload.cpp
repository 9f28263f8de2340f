#include "daemon/app/reload.hpp"

#include <utility>

#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"

namespace rategate {

Reload::Reload(const Options& options, const FixedConfig& running, Engine& engine, Server& server,
               Log& log)
    : options_(options), running_(running), engine_(engine), server_(server), log_(log) {}

Reload::Outcome Reload::run() {
  log_.reopen();
  ConfigLoad load = load_config(sources_of(options_));
  if (load) return {{}, load.config.live.limits.size(), accept(load.config)};
  refuse(load.faults);
  return {std::move(load.faults), 0, {}};
}

// Returns what needs a restart.
std::string Reload::accept(const Config& config) {
  fault_.clear();
  const LimitTable::Change change = server_.configure(config.live);
  log_.set_level(config.live.log_level);
  engine_.configure(config.live.login);
  log_.event(LogLevel::Info, "reloaded",
             "the limits, the log level and the password are loaded anew",
             {{"limits", config.live.limits.size()}});
  for (const std::string& name : change.moved) {
    log_.event(
        LogLevel::Warning, "limit_moved",
        "the limit counts under another redis_key, or by another algorithm: its open windows "
        "are denied to their end, and buckets begin empty",
        {{"limit", name}});
  }
  for (const std::string& name : change.anew) {
    log_.event(LogLevel::Info, "limit_anew",
               "the limit has another period: what was given out in the old one's window does not "
               "count in the new one's",
               {{"limit", name}});
  }
  std::string fixed;
  for (const std::string& name : fixed_changes(running_, config.fixed)) {
    fixed += (fixed.empty() ? "" : ", ") + name;
  }
  if (!fixed.empty()) {
    log_.event(LogLevel::Warning, "reload_needs_restart",
               "settings that changed take effect with the next start only", {{"settings", fixed}});
  }
  return fixed;
}

void Reload::refuse(const std::vector<Fault>& faults) {
  fault_ = to_text(faults.front());
  for (const Fault& fault : faults) {
    log_.event(LogLevel::Error, "reload_failed",
               "the configuration is not loaded, the one before it is in force",
               {{"fault", to_text(fault)}});
  }
}

}  // namespace rategate
