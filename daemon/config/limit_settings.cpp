#include "daemon/config/limit_settings.hpp"

#include <string>
#include <string_view>

#include "daemon/config/calendars.hpp"
#include "daemon/limit/counter_names.hpp"

namespace rategate {
namespace {

// A fault of the setting, if it is said.
void wrong(const Table& table, const char* name, const char* expected, const SettingFault& fault) {
  const Entry* const setting = find_entry(table, name);
  if (setting != nullptr) fault(*setting, expected);
}

// Whether its counters are named for their period.
bool has_period(const Limit& limit) {
  const auto name_of = [&](std::int64_t period_ms) {
    return CounterNames(limit.redis_key, limit.name, period_ms).of("", 0);
  };
  return name_of(1000) != name_of(2000);
}

}  // namespace

std::optional<Error> check_algorithm(const Table& table, Limit& limit, const SettingFault& fault) {
  const bool has_window = limit.redis_key.has_window();
  constexpr const char* kOnlyBuckets = "expected it only with algorithm = \"gcra\"";
  if (limit.algorithm->has_windows) {
    if (limit.burst) wrong(table, "burst", kOnlyBuckets, fault);
    if (!has_window) {
      wrong(table, "redis_key", "expected %w in it: a counter is of one window", fault);
    }
    return std::nullopt;
  }
  constexpr const char* kOnlyWindows = "expected it only with algorithm = \"fixed-window\"";
  const bool is_log = limit.algorithm == &kSlidingWindow;
  if (is_log && limit.burst) wrong(table, "burst", kOnlyBuckets, fault);
  if (find_entry(table, "redis_key") == nullptr) {
    limit.redis_key = *KeyTemplate::parse(is_log ? kLogRedisKey : kBucketRedisKey);
  } else if (has_window) {
    wrong(table, "redis_key",
          is_log ? "expected no %w in it: a sliding window begins anytime"
                 : "expected no %w in it: a bucket is of no window",
          fault);
  } else if (is_log && !has_period(limit)) {
    wrong(table, "redis_key", "expected %p in it: a log is of one period", fault);
  }
  if (limit.calendar != nullptr) return Error{kNoCalendarBucket};
  if (limit.spread > 1) wrong(table, "spread", kOnlyWindows, fault);
  if (limit.on_store_lost) wrong(table, "on_store_lost", kOnlyWindows, fault);
  return bucket_fault(limit);
}

void check_combined(const Table& table, const Limit& limit, const SettingFault& fault) {
  if (limit.parent.empty() && limit.parent_key != ParentKey::Same) {
    wrong(table, "parent_key", "expected it only with parent", fault);
  }
  if (limit.more.empty()) return;
  if (!limit.algorithm->has_windows) {
    wrong(table, "algorithm", "expected \"fixed-window\": a limit of several windows has no other",
          fault);
  }
  if (!has_period(limit)) {
    wrong(table, "redis_key", "expected %p in it: each of the windows is counted by itself", fault);
  }
}

void check_key(const Table& table, const Limit& limit, const SettingFault& fault) {
  if (limit.key == KeyKind::Ip) {
    if (!limit.redis_key.has_key()) {
      wrong(table, "redis_key", "expected %k in it: with key = \"ip\" each network is counted",
            fault);
    }
    return;
  }
  for (const char* name : {"ipv4_prefix", "ipv6_prefix"}) {
    wrong(table, name, "expected it only with key = \"ip\"", fault);
  }
}

void check_settling(const Table& table, const Limit& limit, const SettingFault& fault) {
  if (limit.settle == Settle::Store) return;
  wrong(table, "settle_within", "expected it only with settle = \"store\"", fault);
}

void check_default(const Table& table, const Limit& limit, const SettingFault& fault) {
  if (limit.name != kDefaultName) return;
  const auto name_of = [&](std::string_view name) {
    Limit named = limit;
    named.name = name;
    return counter_names(named).of("", 0);
  };
  if (name_of("a") == name_of("b")) {
    wrong(table, "redis_key", "expected %n in it: each name that has no limit is counted by itself",
          fault);
  }
}

void check_rules(const Entry& keys, const Limit& limit, const SettingFault& fault) {
  if (limit.more.empty() || limit.key_rules == nullptr) return;
  for (const KeyRule& rule : limit.key_rules->all()) {
    if (rule.kind != KeyRuleKind::Limited) continue;
    return fault(keys, "'" + rule.pattern +
                           "' has a rate: expected \"blocked\" or \"unlimited\", as the limit has "
                           "several windows");
  }
}

}  // namespace rategate
