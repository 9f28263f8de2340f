// What the settings of a [limits.NAME] table ask of each other. `fault` is called with each that is
// not for such a limit, or not as it has to be for one.
#pragma once

#include <optional>

#include "daemon/base/result.hpp"
#include "daemon/config/concurrency.hpp"
#include "daemon/config/document.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

// By how it counts. Names its counters, where the table does not. Error: its numbers are none of
// that algorithm.
[[nodiscard]] std::optional<Error> check_algorithm(const Table&, Limit&, const SettingFault& fault);
// By the windows that it has, and by whether a limit is above it.
void check_combined(const Table&, const Limit&, const SettingFault& fault);
// By whether its keys are addresses.
void check_key(const Table&, const Limit&, const SettingFault& fault);
// By where permits go that are given back.
void check_settling(const Table&, const Limit&, const SettingFault& fault);
// Names that have no limit are as many as callers like: each is counted for itself.
void check_default(const Table&, const Limit&, const SettingFault& fault);
// A rule for keys has one number, and no window has a name.
void check_rules(const Entry& keys, const Limit&, const SettingFault& fault);

}  // namespace rategate
