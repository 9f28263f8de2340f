// The sample file and the manual, held against the table of settings.
#include "daemon/config/settings/settings.hpp"

#include <set>
#include <string>

#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/source_file.hpp"

using namespace rategate;

namespace {

// The row of a setting in docs/configuration.md.
std::string manual_row(const Setting& setting) {
  return "| `" + std::string(setting.name) + "` | `" + default_text(setting) + "` | " +
         expected_text(setting) + " | " + (setting.reloadable ? "yes" : "no") + " | " +
         std::string(setting.help) + " |";
}

}  // namespace

TEST_CASE("the packaged sample is what the table makes") {
  CHECK(test::source_file("packaging/rategate.toml") == sample_config());
}

TEST_CASE("the sample as it is lacks a store, and nothing else") {
  const auto load = load_config_text(sample_config(), "sample");
  REQUIRE(load.faults.size() == 1);
  CHECK(load.faults[0].text.starts_with("no store is chosen"));
}

TEST_CASE("the sample with all its settings in use is the default") {
  std::istringstream sample(sample_config());
  std::string used;
  for (std::string line; std::getline(sample, line);) {
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    used += (setting ? line.substr(1) : line) + "\n";
  }
  const auto load = load_config_text(used, "sample");
  for (const Fault& fault : load.faults) UNSCOPED_INFO(to_text(fault));
  REQUIRE(load);
  CHECK(fixed_changes(FixedConfig{}, load.config.fixed).empty());
  CHECK(load.config.live.log_level == LiveConfig{}.log_level);
  CHECK(load.config.live.limits.size() == 3);
}

TEST_CASE("every default is within its range") {
  for (const Setting& setting : settings()) {
    if (setting.field == nullptr || setting.name == "store") continue;
    Config config;
    Config defaults;
    const std::string text = default_text(setting);
    INFO(full_name(setting) << " " << text);
    const bool is_text = text.starts_with('"');
    const bool other = setting.kind == Kind::Servers || setting.kind == Kind::Command;
    if (setting.kind == Kind::Switch || other) continue;
    CHECK_FALSE(assign_text(setting, is_text ? text.substr(1, text.size() - 2) : text, config));
    CHECK(same_value(setting, config, defaults));
  }
}

TEST_CASE("the manual has each setting as the table has it") {
  const std::string manual = test::source_file("docs/configuration.md");
  for (const Setting& setting : settings()) {
    const std::string row = manual_row(setting);
    INFO(row);
    CHECK(manual.find(row + "\n") != std::string::npos);
  }
}

TEST_CASE("the manual has no setting that the table has not") {
  std::istringstream manual(test::source_file("docs/configuration.md"));
  std::set<std::string> rows;
  for (const Setting& setting : settings()) rows.insert(manual_row(setting));
  std::size_t count = 0;
  for (std::string line; std::getline(manual, line);) {
    if (!line.starts_with("| `") || line.find("` | `") == std::string::npos) continue;
    // A name is one word; a line of a configuration, which is refused, is more.
    if (line.find(' ', 3) < line.find('`', 3)) continue;
    INFO(line);
    CHECK(rows.count(line) == 1);
    ++count;
  }
  CHECK(count == settings().size());
}
