// What a [limits.NAME] table may say of a limit of concurrency, which has no period.
#pragma once

#include <functional>
#include <string>

#include "daemon/config/document.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

using SettingFault = std::function<void(const Entry& setting, const std::string& expected)>;

// Whether the table says so.
bool says_concurrency(const Table& table);
// The settings that such a limit has not, and its hold_ttl, number and name of counters. `fault` is
// called with each that is wrong. `limit` has been read as far as others have it.
void read_concurrency(const Table& table, Limit& limit, const SettingFault& fault);
// Only such a limit has it.
void refuse_hold_ttl(const Table& table, const SettingFault& fault);

}  // namespace rategate
