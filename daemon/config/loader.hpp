// Loads a configuration from its sources and checks it as a whole. It gathers all faults and never
// stops at the first. Nothing here keeps state: to reload is to load again.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/fault.hpp"
#include "daemon/config/sources.hpp"

namespace rategate {

struct ConfigLoad {
  Config config;              // meaningful only without faults
  std::vector<Fault> faults;  // in the order of the sources, and of the places in each
  explicit operator bool() const { return faults.empty(); }
};

// Reads files and credentials, calls `environment`; touches nothing else.
ConfigLoad load_config(const Sources&);

// The same of one text alone, with no file, no environment, no command line. Pure but for the
// password_file that it may name.
ConfigLoad load_config_text(std::string_view text, std::string_view path);

}  // namespace rategate
