#include "daemon/config/print.hpp"

#include <algorithm>

#include "daemon/base/duration.hpp"
#include "daemon/config/checks.hpp"
#include "daemon/config/key_rules.hpp"
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

std::string calendar_lines(const std::vector<Limit>& windows) {
  std::string zone;
  std::string week;
  for (const Limit& window : windows) {
    if (window.calendar == nullptr) continue;
    const CalendarPeriod& period = window.calendar->period();
    zone = "timezone = " + quoted(period.timezone) + "\n";
    if (period.unit == CalendarUnit::Week) {
      week = "week_starts = " + quoted(to_text(period.week_starts)) + "\n";
    }
  }
  return zone + week;
}

// One window, or a list of several; and of which calendar they are.
std::string rates_text(const Limit& limit) {
  std::string out;
  if (limit.more.empty()) {
    out = "limit = " + std::to_string(limit.permits) + "\n";
    if (limit.calendar == nullptr) {
      return out + "period = " + quoted(format_duration(limit.period_ms)) + "\n";
    }
    out += "period = " + quoted(to_text(limit.calendar->period().unit)) + "\n";
    return out + calendar_lines({limit});
  }
  std::string list;
  for (const Limit& window : windows_of(limit)) {
    if (!list.empty()) list += ", ";
    list += quoted(rate_text(window, window.permits));
  }
  return "limit = [" + list + "]\n" + calendar_lines(windows_of(limit));
}

std::string key_kind_text(const Limit& limit) {
  std::string out = "redis_key = " + quoted(limit.redis_key.text()) + "\n";
  out += "key = " + quoted(to_text(limit.key)) + "\n";
  if (limit.key == KeyKind::Ip) {
    out += "ipv4_prefix = " + std::to_string(limit.prefixes.ipv4) + "\n";
    out += "ipv6_prefix = " + std::to_string(limit.prefixes.ipv6) + "\n";
  }
  out += "algorithm = " + quoted(limit.algorithm->name) + "\n";
  return out;
}

std::string concurrency_text(const Limit& limit) {
  return "limit = " + std::to_string(limit.permits) + "\n" + key_kind_text(limit) +
         "hold_ttl = " + quoted(format_duration(limit.period_ms)) + "\n" +
         "on_store_down = " + quoted(to_text(limit.on_store_down)) + "\n";
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
    if (is_concurrency(limit)) {
      out += concurrency_text(limit);
      continue;
    }
    out += rates_text(limit);
    out += key_kind_text(limit);
    if (limit.algorithm->has_windows) {
      out += "spread = " + std::to_string(limit.spread) + "\n";
    } else if (limit.algorithm == &kTokenBucket) {
      out += "burst = " + std::to_string(burst_of(limit)) + "\n";
    }
    if (!limit.parent.empty()) {
      out += "parent = " + quoted(limit.parent) + "\n";
      out += "parent_key = " + quoted(to_text(limit.parent_key)) + "\n";
    }
    out += "mode = " + quoted(to_text(limit.mode)) + "\n";
    out += "on_store_down = " + quoted(to_text(limit.on_store_down)) + "\n";
    out += "share = " + quoted(format_share(limit.share)) + "\n";
    out += "settle = " + quoted(to_text(limit.settle)) + "\n";
    if (limit.settle == Settle::Store) {
      out += "settle_within = " + quoted(format_duration(limit.settle_within_ms)) + "\n";
    }
    // Where it is not said, each window of several has what suits its period.
    if (limit.algorithm->has_windows && (limit.more.empty() || limit.on_store_lost)) {
      out += "on_store_lost = " + quoted(to_text(lost_policy(limit))) + "\n";
    }
    out += "shadow = " + std::string(limit.shadow ? "true" : "false") + "\n";
    out += "near = " + fraction_text(limit.near_ppm) + "\n";
    out += "block_for = " + quoted(format_duration(limit.block_for_ms)) + "\n";
    const std::string rules = key_rules_text(limit);
    if (!rules.empty()) out += "[limits." + key_text(limit.name) + ".keys]\n" + rules;
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
