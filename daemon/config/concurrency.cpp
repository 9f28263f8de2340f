#include "daemon/config/concurrency.hpp"

#include "daemon/base/duration.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

// What nothing can come of: they are of permits and periods.
constexpr const char* kOthers[] = {"period", "timezone",      "week_starts", "burst",
                                   "spread", "parent",        "parent_key",  "mode",
                                   "share",  "on_store_lost", "settle",      "settle_within",
                                   "shadow", "near",          "keys",        "block_for"};

Result<std::int64_t> duration_ms(const Entry& setting) {
  const auto* const text = std::get_if<std::string>(&setting.value.data);
  return text != nullptr ? parse_duration_ms(*text) : Result<std::int64_t>(Error{});
}

}  // namespace

bool says_concurrency(const Table& table) {
  const Entry* const setting = find_entry(table, "algorithm");
  if (setting == nullptr) return false;
  const auto* const text = std::get_if<std::string>(&setting->value.data);
  return text != nullptr && *text == kConcurrency.name;
}

void read_concurrency(const Table& table, Limit& limit, const SettingFault& fault) {
  limit.algorithm = &kConcurrency;
  limit.period_ms = kHoldTtlMs;
  for (const char* name : kOthers) {
    const Entry* const setting = find_entry(table, name);
    if (setting != nullptr) fault(*setting, "a limit of concurrency has none");
  }
  if (const Entry* const said = find_entry(table, "limit")) {
    const auto* const number = std::get_if<std::int64_t>(&said->value.data);
    if (number == nullptr || *number < 1 || *number > kMaxPermits) {
      fault(*said, "expected a whole number from 1 to " + std::to_string(kMaxPermits) +
                       ": of concurrency it has no period");
    } else {
      limit.permits = *number;
    }
  }
  if (const Entry* const ttl = find_entry(table, "hold_ttl")) {
    const auto ms = duration_ms(*ttl);
    if (!ms || *ms < kMinHoldTtlMs || *ms > kMaxHoldTtlMs) {
      fault(*ttl, "expected " + expected_text(*find_setting(kLimitSection, "hold_ttl")));
    } else {
      limit.period_ms = *ms;
    }
  }
  const Entry* const name = find_entry(table, "redis_key");
  if (name == nullptr) {
    limit.redis_key = *KeyTemplate::parse(kHoldRedisKey);
  } else if (limit.redis_key.has_window()) {
    fault(*name, "expected no %w in it: what is held is of no window");
  }
  if (limit.on_store_down == OnStoreDown::Share) {
    fault(*find_entry(table, "on_store_down"),
          "expected \"deny\", \"allow\" or \"error\" of a limit of concurrency");
  }
}

// What it is by itself may be said of any limit, as the sample does.
void refuse_hold_ttl(const Table& table, const SettingFault& fault) {
  const Entry* const setting = find_entry(table, "hold_ttl");
  if (setting == nullptr) return;
  const auto ms = duration_ms(*setting);
  if (ms && *ms == kHoldTtlMs) return;
  fault(*setting, "expected it only with algorithm = \"concurrency\"");
}

}  // namespace rategate
