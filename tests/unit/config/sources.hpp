// Where a configuration comes from, in the tests' hands, and what is wrong with one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/config/loader.hpp"
#include "tests/unit/catch.hpp"

namespace rategate::test {

inline Sources of(const std::map<std::string, std::string>& environment, Overrides overrides = {}) {
  Sources sources;
  sources.environment = [environment](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  sources.command_line = std::move(overrides);
  return sources;
}

inline Sources of_file(const std::string& path,
                       const std::map<std::string, std::string>& environment = {},
                       Overrides overrides = {}) {
  Sources sources = of(environment, std::move(overrides));
  sources.file = path;
  return sources;
}

inline std::vector<std::string> faults(const ConfigLoad& load) {
  std::vector<std::string> texts;
  for (const Fault& fault : load.faults) texts.push_back(to_text(fault));
  return texts;
}

inline ConfigLoad good(const Sources& sources) {
  ConfigLoad load = load_config(sources);
  CHECK(faults(load).empty());
  REQUIRE(load);
  return load;
}

}  // namespace rategate::test
