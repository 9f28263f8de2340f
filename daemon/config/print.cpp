#include "daemon/config/print.hpp"

#include <algorithm>

#include "daemon/base/duration.hpp"
#include "daemon/config/checks.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

// What would break a rule, or is not used, beside something else that is printed.
bool left_out(const Setting& setting, const Config& config) {
  return std::any_of(rules().begin(), rules().end(), [&](const Rule& rule) {
    if (rule.need == Need::Where) return rule.section == setting.section && !holds(rule, config);
    if (rule.need == Need::Leads) {
      return rule.section == setting.section &&
             !has_value(*find_setting(rule.section, rule.other), config);
    }
    const auto other = substitute(rule);
    if (!other) return false;
    return &setting == (has_value(*other->setting, config) ? other->instead_of : other->setting);
  });
}

}  // namespace

std::string print_config(const Config& config) {
  std::string out;
  std::string_view section;
  for (const Setting& setting : settings()) {
    if (setting.field == nullptr || left_out(setting, config)) continue;
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
    out += "algorithm = " + quoted(limit.algorithm->name) + "\n";
    if (limit.algorithm->has_windows) {
      out += "spread = " + std::to_string(limit.spread) + "\n";
    } else {
      out += "burst = " + std::to_string(burst_of(limit)) + "\n";
    }
    out += "mode = " + quoted(to_text(limit.mode)) + "\n";
    out += "on_store_down = " + quoted(to_text(limit.on_store_down)) + "\n";
    out += "share = " + quoted(format_share(limit.share)) + "\n";
    if (limit.algorithm->has_windows) {
      out += "on_store_lost = " + quoted(to_text(lost_policy(limit))) + "\n";
    }
  }
  return out;
}

std::vector<std::string> fixed_changes(const FixedConfig& running, const FixedConfig& wanted) {
  const Config a{running, {}};
  const Config b{wanted, {}};
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    if (setting.field == nullptr || setting.reloadable || same_value(setting, a, b)) continue;
    names.push_back((setting.section.empty() ? "" : std::string(setting.section) + ".") +
                    std::string(setting.name));
  }
  return names;
}

}  // namespace rategate
