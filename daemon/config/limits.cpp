#include "daemon/config/limits.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "daemon/base/duration.hpp"
#include "daemon/base/nearest.hpp"
#include "daemon/config/blocking.hpp"
#include "daemon/config/calendars.hpp"
#include "daemon/config/concurrency.hpp"
#include "daemon/config/key_rules.hpp"
#include "daemon/config/limit_settings.hpp"
#include "daemon/config/settings/settings.hpp"
#include "daemon/limit/members.hpp"

namespace rategate {
namespace {

constexpr const char* kExpectedName =
    "expected a limit's name to be 1 to 64 letters, digits and _ - . / @";
constexpr const char* kExpectedLimit =
    "expected a rate in quotes, such as \"100/second\", a list of rates, or a table with limit and "
    "period";

// That of names which have no limit is no name of a check.
bool may_name(std::string_view name) { return valid_name(name) || name == kDefaultName; }

Result<std::string> parse_limit_name(std::string_view text) {
  if (!text.empty() && !valid_name(text)) return Error{"expected a limit's name"};
  return std::string(text);
}

Limit with_defaults(std::string_view name, const Rate& rate) {
  Limit limit;
  limit.name = name;
  limit.permits = rate.permits;
  limit.redis_key = *KeyTemplate::parse(kDefaultRedisKey);
  set_period(limit, rate, {});
  return limit;
}

// Of each window one. Error: what was expected.
Result<std::vector<Rate>> read_rates(const List& list) {
  if (list.empty() || list.size() > kMostMembers) {
    return Error{"expected 1 to " + std::to_string(kMostMembers) + " rates in the list"};
  }
  std::vector<Rate> rates;
  for (const Value& value : list) {
    const auto* text = std::get_if<std::string>(&value.data);
    const auto rate = text != nullptr ? parse_rate(*text) : Result<Rate>(Error{});
    if (text == nullptr) {
      return Error{"expected rates in quotes in the list, such as \"100/second\""};
    }
    if (!rate) return Error{rate.error()};
    rates.push_back(*rate);
  }
  return rates;
}

// Each of another period. Error: two have the same.
std::optional<Error> set_windows(Limit& limit, const std::vector<Rate>& rates,
                                 const CalendarChoice& choice) {
  limit.permits = rates.front().permits;
  set_period(limit, rates.front(), choice);
  std::vector<std::string> periods{period_text(limit)};
  for (std::size_t i = 1; i < rates.size(); ++i) {
    Limit window;
    set_period(window, rates[i], choice);
    periods.push_back(period_text(window));
    if (std::find(periods.begin(), periods.end() - 1, periods.back()) != periods.end() - 1) {
      return Error{"two windows have a period of " + periods.back() +
                   "; expected another one for each"};
    }
    limit.more.push_back({rates[i].permits, window.period_ms, window.calendar});
  }
  return std::nullopt;
}

// Reads one [limits.NAME] table.
class LimitReader {
 public:
  LimitReader(std::string_view name, std::string_view path, std::vector<Fault>& faults)
      : name_(name), path_(path), faults_(faults) {}

  std::optional<Limit> read(const Entry& entry) {
    const std::size_t before = faults_.size();
    const auto& table = std::get<Table>(entry.value.data);
    Limit limit = with_defaults(name_, {});
    for (const Entry& setting : table) {
      if (find_setting(kLimitSection, setting.key) == nullptr) unknown(setting);
    }
    const bool is_entered = says_concurrency(table);
    if (!is_entered) read_numbers(table, entry, limit);
    read_text(find_entry(table, "redis_key"), KeyTemplate::parse, limit.redis_key);
    read_text(find_entry(table, "key"), parse_word<KeyKind>, limit.key);
    read_whole(find_entry(table, "ipv4_prefix"), limit.prefixes.ipv4);
    read_whole(find_entry(table, "ipv6_prefix"), limit.prefixes.ipv6);
    read_whole(find_entry(table, "spread"), limit.spread);
    read_text(find_entry(table, "parent"), parse_limit_name, limit.parent);
    read_text(find_entry(table, "parent_key"), parse_word<ParentKey>, limit.parent_key);
    read_text(find_entry(table, "mode"), parse_word<Mode>, limit.mode);
    read_text(find_entry(table, "on_store_down"), parse_word<OnStoreDown>, limit.on_store_down);
    read_text(find_entry(table, "share"), parse_share, limit.share);
    if (const Entry* setting = find_entry(table, "on_store_lost")) {
      read_text(setting, parse_word<OnStoreLost>, limit.on_store_lost.emplace());
    }
    read_text(find_entry(table, "settle"), parse_word<Settle>, limit.settle);
    read_settle_within(find_entry(table, "settle_within"), limit);
    read_text(find_entry(table, "algorithm"), parse_algorithm, limit.algorithm);
    if (is_entered) {
      if (find_entry(table, "limit") == nullptr) {
        fault(entry.place, "limit '" + std::string(name_) + "' has no limit: expected limit = " +
                               "how many may be at work at the same time");
      }
      read_concurrency(table, limit, fault_of_setting());
      check_key(table, limit, fault_of_setting());
      check_default(table, limit, fault_of_setting());
      return faults_.size() == before ? std::optional(std::move(limit)) : std::nullopt;
    }
    refuse_hold_ttl(table, fault_of_setting());
    read_block_for(table, limit, fault_of_setting());
    read_burst(find_entry(table, "burst"), limit);
    read_shadow(find_entry(table, "shadow"), limit);
    read_near(find_entry(table, "near"), limit);
    if (faults_.size() == before) {
      if (const auto numbers = check_algorithm(table, limit, fault_of_setting())) {
        fault(entry.place, "limit '" + std::string(name_) + "': " + numbers->text);
      }
      check_combined(table, limit, fault_of_setting());
      check_key(table, limit, fault_of_setting());
      check_settling(table, limit, fault_of_setting());
      check_default(table, limit, fault_of_setting());
    }
    const Entry* const keys = find_entry(table, "keys");
    if (keys != nullptr && faults_.size() == before) {
      limit.key_rules = read_key_rules(
          *keys, limit, [this](Place place, std::string text) { fault(place, std::move(text)); });
      check_rules(*keys, limit, fault_of_setting());
    }
    return faults_.size() == before ? std::optional(std::move(limit)) : std::nullopt;
  }

 private:
  void fault(Place place, std::string text) {
    faults_.push_back({std::string(path_), place.line, place.column, std::move(text)});
  }
  void fault(const Entry& setting, const std::string& text) {
    fault(setting.value.place, setting.key + " of limit '" + std::string(name_) + "': " + text);
  }
  void expected(const Entry& setting) {
    fault(setting, "expected " + expected_text(*find_setting(kLimitSection, setting.key)));
  }

  void unknown(const Entry& setting) {
    std::string text =
        "unknown setting '" + setting.key + "' of limit '" + std::string(name_) + "'";
    std::vector<std::string_view> names;
    for (const Setting& known : settings()) {
      if (known.section == kLimitSection) names.push_back(known.name);
    }
    if (const auto near = nearest(setting.key, names)) {
      text += "; did you mean '" + std::string(*near) + "'?";
    } else if (std::holds_alternative<Table>(setting.value.data)) {
      text += "; a limit's name with a dot in it is put in quotes: [limits.\"" +
              std::string(name_) + "." + setting.key + "\"]";
    }
    fault(setting.place, text);
  }

  SettingFault fault_of_setting() {
    return [this](const Entry& setting, const std::string& text) { fault(setting, text); };
  }

  // Permits and period of each window.
  void read_numbers(const Table& table, const Entry& limit_entry, Limit& limit) {
    std::vector<Rate> rates{Rate{}};
    const Entry* const said = find_entry(table, "limit");
    const bool whole_rate = read_rate(said, limit_entry, rates);
    read_period(find_entry(table, "period"), limit_entry, whole_rate, rates.front());
    read_calendar(table, rates, said, limit);
  }

  // Whether `limit` said the period as well.
  bool read_rate(const Entry* setting, const Entry& limit_entry, std::vector<Rate>& into) {
    if (setting == nullptr) {
      fault(limit_entry.place, "limit '" + std::string(name_) +
                                   "' has no limit: expected limit = " +
                                   "permits and period = duration, or limit = \"100/second\"");
      return false;
    }
    if (const auto* text = std::get_if<std::string>(&setting->value.data)) {
      const auto rate = parse_rate(*text);
      if (!rate) {
        fault(*setting, rate.error());
      } else {
        into = {*rate};
      }
      return true;
    }
    if (const auto* list = std::get_if<List>(&setting->value.data)) {
      auto rates = read_rates(*list);
      if (!rates) {
        fault(*setting, rates.error());
      } else {
        into = std::move(*rates);
      }
      return true;
    }
    const auto* permits = std::get_if<std::int64_t>(&setting->value.data);
    if (permits == nullptr || *permits < 1 || *permits > kMaxPermits) {
      expected(*setting);
    } else {
      into.front().permits = *permits;
    }
    return false;
  }

  void read_period(const Entry* setting, const Entry& limit_entry, bool whole_rate, Rate& into) {
    if (setting == nullptr) {
      if (whole_rate || find_entry(std::get<Table>(limit_entry.value.data), "limit") == nullptr) {
        return;
      }
      fault(limit_entry.place, "limit '" + std::string(name_) + "' has no period: expected " +
                                   expected_text(*find_setting(kLimitSection, "period")));
      return;
    }
    if (whole_rate) {
      fault(setting->place, "period of limit '" + std::string(name_) +
                                "' is said twice: its limit has one already");
      return;
    }
    const auto* text = std::get_if<std::string>(&setting->value.data);
    const auto period = text != nullptr ? parse_period(*text) : Result<Rate>(Error{});
    if (period) {
      into.period_ms = period->period_ms;
      into.unit = period->unit;
    } else if (const auto* number = std::get_if<std::int64_t>(&setting->value.data)) {
      fault(*setting, "expected " + expected_text(*find_setting(kLimitSection, "period")) + "; " +
                          std::to_string(*number) + " has no unit");
    } else {
      expected(*setting);
    }
  }

  // Permits and period of each window, and where that is one of a calendar, of which one.
  void read_calendar(const Table& table, const std::vector<Rate>& rates, const Entry* said,
                     Limit& limit) {
    const auto any = [&](auto is) { return std::any_of(rates.begin(), rates.end(), is); };
    const bool is_known = rates.front().unit || rates.front().period_ms != 0;
    const bool has_unit = any([](const Rate& rate) { return rate.unit.has_value(); });
    const bool has_week = any([](const Rate& rate) { return rate.unit == CalendarUnit::Week; });
    CalendarChoice choice;
    const Entry* const timezone = find_entry(table, "timezone");
    const Entry* const week_starts = find_entry(table, "week_starts");
    read_text(week_starts, parse_word<Weekday>, choice.week_starts);
    if (timezone != nullptr && is_known && !has_unit) {
      fault(*timezone, "expected it only with a period of a day, week, month or year");
    } else {
      read_text(timezone, find_zone, choice.zone);
    }
    if (week_starts != nullptr && is_known && !has_week) {
      fault(*week_starts, "expected it only with a period of a week");
    }
    if (const auto wrong = set_windows(limit, rates, choice)) fault(*said, wrong->text);
  }

  // A whole number within the range that the table of settings has for it.
  void read_whole(const Entry* setting, std::int64_t& field) {
    if (setting == nullptr) return;
    const Setting& row = *find_setting(kLimitSection, setting->key);
    const auto* number = std::get_if<std::int64_t>(&setting->value.data);
    if (number == nullptr || *number < row.min || *number > row.max) return expected(*setting);
    field = *number;
  }

  void read_settle_within(const Entry* setting, Limit& limit) {
    if (setting == nullptr) return;
    const auto* text = std::get_if<std::string>(&setting->value.data);
    const auto ms = text != nullptr ? parse_duration_ms(*text) : Result<std::int64_t>(Error{});
    if (!ms || *ms < 1000 || *ms > kMostSettleWithinMs) return expected(*setting);
    limit.settle_within_ms = *ms;
  }

  void read_burst(const Entry* setting, Limit& limit) {
    std::int64_t permits = 0;
    read_whole(setting, permits);
    if (permits > 0) limit.burst = permits;
  }

  void read_shadow(const Entry* setting, Limit& limit) {
    if (setting == nullptr) return;
    const auto* truth = std::get_if<bool>(&setting->value.data);
    if (truth == nullptr) return expected(*setting);
    limit.shadow = *truth;
  }

  // 1 is a whole number in TOML.
  void read_near(const Entry* setting, Limit& limit) {
    if (setting == nullptr) return;
    const auto* part = std::get_if<double>(&setting->value.data);
    const auto* whole = std::get_if<std::int64_t>(&setting->value.data);
    const double near = part != nullptr ? *part : whole != nullptr && *whole == 1 ? 1.0 : 0.0;
    const Setting& row = *find_setting(kLimitSection, setting->key);
    const double ppm = near * static_cast<double>(kWholePpm);
    // Not a number is in no range.
    const bool in_range =
        ppm >= static_cast<double>(row.min) && ppm <= static_cast<double>(row.max);
    if (!in_range) return expected(*setting);
    limit.near_ppm = std::llround(ppm);
  }

  template <class T>
  void read_text(const Entry* setting, Result<T> (*parse)(std::string_view), T& field) {
    if (setting == nullptr) return;
    const auto* text = std::get_if<std::string>(&setting->value.data);
    if (text == nullptr) {
      return fault(
          *setting,
          "expected " + expected_text(*find_setting(kLimitSection, setting->key)) + ", in quotes");
    }
    auto value = parse(*text);
    if (!value) return fault(*setting, value.error());
    field = std::move(*value);
  }

  std::string_view name_;
  std::string_view path_;
  std::vector<Fault>& faults_;
};

}  // namespace

void add_limits(const Value& value, std::string_view path, PlacedLimits& limits,
                std::vector<Fault>& faults) {
  const auto fault = [&](Place place, std::string text) {
    faults.push_back({std::string(path), place.line, place.column, std::move(text)});
  };
  const auto* table = std::get_if<Table>(&value.data);
  if (table == nullptr) return fault(value.place, "limits: expected a table, [limits]");

  for (const Entry& entry : *table) {
    const std::string& name = entry.key;
    if (!may_name(name)) {
      fault(entry.place, kExpectedName);
      continue;
    }
    const Fault place{std::string(path), entry.place.line, entry.place.column, {}};
    if (const auto found = limits.find(name); found != limits.end()) {
      fault(entry.place,
            "limit '" + name + "' is named twice, first at " + place_text(found->second.place));
      continue;
    }
    std::optional<Limit> limit;
    if (const auto* text = std::get_if<std::string>(&entry.value.data)) {
      const auto rate = parse_rate(*text);
      if (!rate) {
        fault(entry.value.place, "limit '" + name + "': " + rate.error());
        continue;
      }
      limit = with_defaults(name, *rate);
    } else if (const auto* list = std::get_if<List>(&entry.value.data)) {
      const auto rates = read_rates(*list);
      limit = with_defaults(name, {});
      const auto wrong = rates ? set_windows(*limit, *rates, {}) : Error{rates.error()};
      if (wrong) {
        fault(entry.value.place, "limit '" + name + "': " + wrong->text);
        continue;
      }
    } else if (std::holds_alternative<Table>(entry.value.data)) {
      limit = LimitReader(name, path, faults).read(entry);
    } else {
      fault(entry.value.place, "limit '" + name + "': " + kExpectedLimit);
    }
    // One that is at fault keeps its name, so that naming it again is a fault as well; its
    // period of zero keeps it out of what is compared later.
    limits.emplace(name, PlacedLimit{limit.value_or(Limit{}), place});
  }
}

std::optional<Error> add_limit_option(std::string_view text, PlacedLimits& limits) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Error{"expected NAME=RATE, such as api=100/second"};
  }
  const std::string_view name = text.substr(0, equals);
  if (!may_name(name)) return Error{kExpectedName};
  const auto rate = parse_rate(text.substr(equals + 1));
  if (!rate) return Error{rate.error()};

  const auto found = limits.find(name);
  if (found == limits.end()) {
    limits.emplace(name, PlacedLimit{with_defaults(name, *rate), {"--limit", 0, 0, std::string()}});
    return std::nullopt;
  }
  if (found->second.place.where == "--limit") {
    return Error{"limit '" + std::string(name) + "' is named twice on the command line"};
  }
  if (is_concurrency(found->second.limit)) {
    return Error{"limit '" + std::string(name) + "' is one of concurrency, and has no rate"};
  }
  if (found->second.limit.key_rules != nullptr && !has_period_of(found->second.limit, *rate)) {
    return Error{"limit '" + std::string(name) + "' has rules for keys: expected its period, " +
                 period_text(found->second.limit)};
  }
  found->second.limit.permits = rate->permits;
  found->second.limit.more.clear();
  if (!has_period_of(found->second.limit, *rate)) set_period(found->second.limit, *rate, {});
  if (!found->second.limit.algorithm->has_windows && found->second.limit.calendar != nullptr) {
    return Error{"limit '" + std::string(name) + "': " + kNoCalendarBucket};
  }
  if (const auto wrong = bucket_fault(found->second.limit)) return wrong;
  found->second.place = {"--limit", 0, 0, std::string()};
  return std::nullopt;
}

}  // namespace rategate
