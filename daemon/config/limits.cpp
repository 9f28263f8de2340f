#include "daemon/config/limits.hpp"

#include <utility>

#include "daemon/base/duration.hpp"
#include "daemon/base/nearest.hpp"
#include "daemon/config/settings/settings.hpp"
#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/spread.hpp"

namespace rategate {
namespace {

constexpr const char* kExpectedName =
    "expected a limit's name to be 1 to 64 letters, digits and _ - . / @";
constexpr const char* kExpectedLimit =
    "expected a rate in quotes, such as \"100/second\", or a table with limit and period";

Limit with_defaults(std::string_view name, const Rate& rate) {
  Limit limit;
  limit.name = name;
  limit.permits = rate.permits;
  limit.period_ms = rate.period_ms;
  limit.redis_key = *KeyTemplate::parse(kDefaultRedisKey);
  return limit;
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
    const bool whole_rate = read_rate(find_entry(table, "limit"), entry, limit);
    read_period(find_entry(table, "period"), entry, whole_rate, limit);
    read_text(find_entry(table, "redis_key"), KeyTemplate::parse, limit.redis_key);
    read_spread(find_entry(table, "spread"), limit);
    read_text(find_entry(table, "mode"), parse_word<Mode>, limit.mode);
    read_text(find_entry(table, "on_store_down"), parse_word<OnStoreDown>, limit.on_store_down);
    read_text(find_entry(table, "share"), parse_share, limit.share);
    if (const Entry* setting = find_entry(table, "on_store_lost")) {
      read_text(setting, parse_word<OnStoreLost>, limit.on_store_lost.emplace());
    }
    read_text(find_entry(table, "algorithm"), parse_algorithm, limit.algorithm);
    read_burst(find_entry(table, "burst"), limit);
    if (faults_.size() == before) check_algorithm(table, entry, limit);
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

  // Whether `limit` said the period as well.
  bool read_rate(const Entry* setting, const Entry& limit_entry, Limit& limit) {
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
        limit.permits = rate->permits;
        limit.period_ms = rate->period_ms;
      }
      return true;
    }
    const auto* permits = std::get_if<std::int64_t>(&setting->value.data);
    if (permits == nullptr || *permits < 1 || *permits > kMaxPermits) {
      expected(*setting);
    } else {
      limit.permits = *permits;
    }
    return false;
  }

  void read_period(const Entry* setting, const Entry& limit_entry, bool whole_rate, Limit& limit) {
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
    const auto period = text != nullptr ? parse_period_ms(*text) : Result<std::int64_t>(Error{});
    if (period) {
      limit.period_ms = *period;
    } else if (const auto* number = std::get_if<std::int64_t>(&setting->value.data)) {
      fault(*setting, "expected " + expected_text(*find_setting(kLimitSection, "period")) + "; " +
                          std::to_string(*number) + " has no unit");
    } else {
      expected(*setting);
    }
  }

  void read_spread(const Entry* setting, Limit& limit) {
    if (setting == nullptr) return;
    const auto* counters = std::get_if<std::int64_t>(&setting->value.data);
    if (counters == nullptr || *counters < 1 || *counters > kMostSpread) return expected(*setting);
    limit.spread = *counters;
  }

  void read_burst(const Entry* setting, Limit& limit) {
    if (setting == nullptr) return;
    const auto* permits = std::get_if<std::int64_t>(&setting->value.data);
    if (permits == nullptr || *permits < 0 || *permits > kMaxPermits) return expected(*setting);
    if (*permits > 0) limit.burst = *permits;
  }

  // What is not for limits that count as this one does.
  void check_algorithm(const Table& table, const Entry& limit_entry, Limit& limit) {
    const auto wrong = [&](const char* name, const char* expected) {
      const Entry* const setting = find_entry(table, name);
      if (setting != nullptr) fault(*setting, expected);
    };
    const bool has_window = limit.redis_key.has_window();
    if (limit.algorithm->has_windows) {
      if (limit.burst) wrong("burst", "expected it only with algorithm = \"gcra\"");
      if (!has_window) wrong("redis_key", "expected %w in it: a counter is of one window");
      return;
    }
    constexpr const char* kOnlyWindows = "expected it only with algorithm = \"fixed-window\"";
    if (find_entry(table, "redis_key") == nullptr) {
      limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
    } else if (has_window) {
      wrong("redis_key", "expected no %w in it: a bucket is of no window");
    }
    if (limit.spread > 1) wrong("spread", kOnlyWindows);
    if (limit.on_store_lost) wrong("on_store_lost", kOnlyWindows);
    if (const auto numbers = bucket_fault(limit)) {
      fault(limit_entry.place, "limit '" + std::string(name_) + "': " + numbers->text);
    }
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
    if (!valid_name(name)) {
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
  if (!valid_name(name)) return Error{kExpectedName};
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
  found->second.limit.permits = rate->permits;
  found->second.limit.period_ms = rate->period_ms;
  if (const auto wrong = bucket_fault(found->second.limit)) return wrong;
  found->second.place = {"--limit", 0, 0, std::string()};
  return std::nullopt;
}

void check_spread(const PlacedLimits& limits, bool in_cluster, std::vector<Fault>& faults) {
  for (const auto& [name, placed] : limits) {
    const Limit& limit = placed.limit;
    if (limit.spread == 1) continue;
    Fault fault = placed.place;
    fault.text =
        "limit '" + name + "' has spread = " + std::to_string(limit.spread) + ": expected ";
    if (!in_cluster) {
      fault.text += "[cluster], as it spreads a limit over the shards of one";
    } else if (limit.permits < limit.spread) {
      fault.text += "a limit of so many permits at least";
    } else {
      continue;
    }
    faults.push_back(std::move(fault));
  }
}

void check_slots(const PlacedLimits& limits, std::vector<Fault>& faults) {
  for (const auto& [name, placed] : limits) {
    if (placed.limit.period_ms == 0 || placed.limit.redis_key.has_steady_tag()) continue;
    Fault fault = placed.place;
    fault.text = "limit '" + name + "' has redis_key = \"" + placed.limit.redis_key.text() +
                 "\": in a cluster expected a tag in braces such as {%n:%k} in it, without %w and "
                 "not of %k alone, by which all windows of a counter are in one slot";
    faults.push_back(std::move(fault));
  }
}

void check_shared_counters(const PlacedLimits& limits, std::vector<Fault>& faults) {
  // Two limits can only meet where names and periods, put into their templates, make one text.
  std::map<std::string, const PlacedLimit*> counters;
  for (const auto& [name, placed] : limits) {
    const Limit& limit = placed.limit;
    if (limit.period_ms == 0) continue;
    const auto [found, added] =
        counters.emplace(CounterNames(limit.redis_key, name, limit.period_ms).of("", 0), &placed);
    const PlacedLimit& other = *found->second;
    if (added) continue;
    Fault fault = placed.place;
    if (limit.spread > 1 || other.limit.spread > 1) {
      fault.text = "limit '" + name + "' shares its counter with limit '" + other.limit.name +
                   "' (" + place_text(other.place) +
                   "): expected no spread, by which each would have parts of its own size";
      faults.push_back(std::move(fault));
      continue;
    }
    if (other.limit.algorithm != limit.algorithm) {
      fault.text = "limit '" + name + "' has algorithm = " + quoted(limit.algorithm->name) +
                   " and shares its counter with limit '" + other.limit.name + "' (" +
                   place_text(other.place) + "), whose algorithm is " +
                   quoted(other.limit.algorithm->name) + "; expected one, or %n in redis_key";
      faults.push_back(std::move(fault));
      continue;
    }
    if (other.limit.period_ms == limit.period_ms) continue;
    fault.text = "limit '" + name + "' has a period of " + format_duration(limit.period_ms) +
                 " and shares its counter with limit '" + other.limit.name + "' (" +
                 place_text(other.place) + "), whose period is " +
                 format_duration(other.limit.period_ms) +
                 "; expected one period, or %p or %n in redis_key";
    faults.push_back(std::move(fault));
  }
}

}  // namespace rategate
