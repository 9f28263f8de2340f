#include "daemon/config/loader.hpp"

#include <utility>

#include "daemon/config/checks.hpp"
#include "daemon/config/files.hpp"
#include "daemon/config/loading.hpp"
#include "daemon/config/overrides.hpp"

namespace rategate {
namespace {

ConfigLoad finish(const Sources& sources, Loading loading) {
  apply_overrides(sources, loading);
  check_whole(loading);
  ConfigLoad load{std::move(loading.config), std::move(loading.faults)};
  for (auto& [name, placed] : loading.limits) {
    load.config.live.limits.push_back(std::move(placed.limit));
  }
  return load;
}

}  // namespace

ConfigLoad load_config(const Sources& sources) {
  Loading loading;
  if (!sources.file.empty()) load_files(sources, loading);
  return finish(sources, std::move(loading));
}

ConfigLoad load_config_text(std::string_view text, std::string_view path) {
  Loading loading;
  load_file_text(text, path, loading);
  return finish(Sources{}, std::move(loading));
}

}  // namespace rategate
