// A configuration as text for a person: what is in force, and what a reload could not change.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace rategate {

// The configuration as TOML, defaults included and passwords masked. It loads again.
std::string print_config(const Config&);

// Names of the fixed settings ("server.socket") that differ, in the order of the table: what a
// reload cannot change.
std::vector<std::string> fixed_changes(const FixedConfig& running, const FixedConfig& wanted);

}  // namespace rategate
