// The daemon's command line.
#pragma once

#include <string>

#include "daemon/config/sources.hpp"

namespace rategate {

inline constexpr const char* kDefaultConfigFile = "/etc/rategate/rategate.toml";

enum class Action {
  Serve,
  CheckConfig,  // --check-config
  PrintConfig,  // --print-config
  Exit,  // `output` or `errors` says it all: --help, --version, a mistake, a part for the build
};

struct Options {
  Action action = Action::Serve;
  std::string config_file = kDefaultConfigFile;
  bool config_named = false;  // by --config: then it must exist
  Overrides overrides;

  int exit_code = 0;   // with Action::Exit: 0, or 2 for a mistake
  std::string output;  // for standard output
  std::string errors;  // for standard error
};

Options parse_options(int argc, const char* const* argv);

// The file that is read, or nothing: the default one need not exist.
std::string file_in_use(const Options&);

// Where this process is to load its configuration from, with its own environment.
Sources sources_of(const Options&);

}  // namespace rategate
