// What --print-config says, and what a reload could not change.
#include "daemon/base/duration.hpp"
#include "daemon/config/config.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

// What would contradict something else that is printed.
bool left_out(const Setting& setting, const FixedConfig& fixed) {
  if (setting.section == "redis" && fixed.store == StoreKind::Memory) return true;
  if (setting.section != "redis") return false;
  const bool by_path = !fixed.redis.unix_socket.empty();
  if (setting.name == "host" || setting.name == "port") return by_path;
  if (setting.name == "unix_socket") return !by_path;
  if (setting.name == "password") return !fixed.redis.password_file.empty();
  if (setting.name == "password_file") return fixed.redis.password_file.empty();
  return false;
}

}  // namespace

std::string print_config(const Config& config) {
  std::string out;
  std::string_view section;
  for (const Setting& setting : settings()) {
    if (setting.field == nullptr || left_out(setting, config.fixed)) continue;
    if (setting.section != section) {
      section = setting.section;
      out += "\n[" + std::string(section) + "]\n";
    }
    out += std::string(setting.name) + " = " + value_text(setting, config) + "\n";
  }
  for (const Limit& limit : config.live.limits) {
    out += "\n[limits." + key_text(limit.name) + "]\n";
    out += "limit = " + std::to_string(limit.permits) + "\n";
    out += "period = " + quoted(format_duration(limit.period_ms)) + "\n";
    out += "redis_key = " + quoted(limit.redis_key.text()) + "\n";
    out += "mode = " + quoted(to_text(limit.mode)) + "\n";
    out += "on_store_down = " + quoted(to_text(limit.on_store_down)) + "\n";
  }
  return out;
}

std::vector<std::string> fixed_changes(const FixedConfig& running, const FixedConfig& wanted) {
  Config a{running, {}};
  Config b{wanted, {}};
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    if (setting.field == nullptr || setting.reloadable || same_value(setting, a, b)) continue;
    names.push_back((setting.section.empty() ? "" : std::string(setting.section) + ".") +
                    std::string(setting.name));
  }
  return names;
}

}  // namespace rategate
