#include "daemon/config/blocking.hpp"

#include "daemon/base/duration.hpp"

namespace rategate {

void read_block_for(const Table& table, Limit& limit, const SettingFault& fault) {
  const Entry* const setting = find_entry(table, "block_for");
  if (setting == nullptr) return;
  const auto* const text = std::get_if<std::string>(&setting->value.data);
  const auto ms = text != nullptr ? parse_duration_ms(*text) : Result<std::int64_t>(Error{});
  if (!ms || (*ms != 0 && *ms < kMinBlockMs) || *ms > kMaxBlockMs) {
    return fault(*setting, "expected 0s, or a duration from 1s to 31d");
  }
  if (*ms > 0 && limit.spread > 1) {
    return fault(*setting,
                 "expected it only without spread: each counter would be blocked by itself");
  }
  limit.block_for_ms = *ms;
}

}  // namespace rategate
