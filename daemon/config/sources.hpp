// Where a configuration comes from, the later ones winning setting by setting: the file, limits.d
// beside it, the REDIS_* variables with systemd's credentials, and the command line.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rategate {

// What the command line says beside where the file is.
struct Overrides {
  std::optional<std::string> socket;
  bool memory = false;
  // A URL: redis[s]://[user:password@]host[:port][/db] or unix://path.
  std::optional<std::string> redis;
  std::vector<std::string> limits;  // NAME=RATE
  std::optional<std::string> log_level;
};

struct Sources {
  std::string file;           // empty: no file, and no limits.d
  bool file_required = true;  // else a file that does not exist is no fault
  // nullopt: not set. A variable that is set to nothing counts as not set. Called while loading.
  std::function<std::optional<std::string>(const char*)> environment;
  std::string credentials_directory;  // empty: none
  Overrides command_line;
};

}  // namespace rategate
