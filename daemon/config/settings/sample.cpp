// The sample configuration, made from the table.
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr std::size_t kColumns = 90;

void comment(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > kColumns) end = text.rfind(' ', kColumns);
    out += "# ";
    out += text.substr(0, end);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

constexpr std::string_view kTop =
    "# Configuration of rategated. More limits may stand in limits.d/*.toml beside this file.\n"
    "# rategated --check-config says whether it is right, and where it is not.\n"
    "#\n"
    "# What is commented out with \"#\" alone is a default; lines with \"# \" explain it.\n";

constexpr std::string_view kLimits =
    "\n"
    "# Each limit has a name, by which it is checked, and a rate: permits per period.\n"
    "#[limits]\n"
    "#api = \"100/second\"\n"
    "#login = \"5/10s\"\n"
    "#\n"
    "# Or with all that can be said of it; limit, period, key, settle and keys are no defaults:\n"
    "#[limits.upload]\n";

constexpr std::string_view kExampleLimit = "1000";
constexpr std::string_view kExamplePeriod = "\"week\"";   // what week_starts goes with;
constexpr std::string_view kExampleKey = "\"ip\"";        // what the prefixes go with
constexpr std::string_view kExampleSettle = "\"store\"";  // what settle_within goes with
constexpr std::string_view kExampleRules =
    "{ \"192.0.2.7\" = \"5000/week\", \"198.51.100.*\" = \"blocked\" }";

}  // namespace

std::string sample_config() {
  std::string out(kTop);
  std::string_view section;
  for (const Setting& setting : settings()) {
    if (setting.section != section) {
      section = setting.section;
      out +=
          setting.field == nullptr ? std::string(kLimits) : "\n#[" + std::string(section) + "]\n";
    }
    std::string value = default_text(setting);
    if (setting.field == nullptr && setting.name == "limit") value = kExampleLimit;
    if (setting.field == nullptr && setting.name == "period") value = kExamplePeriod;
    if (setting.field == nullptr && setting.name == "key") value = kExampleKey;
    if (setting.field == nullptr && setting.name == "settle") value = kExampleSettle;
    if (setting.kind == Kind::KeyRules) value = kExampleRules;
    if (setting.section.empty()) {
      out += '\n';
      value = "\"redis\"";
    }
    comment(out, setting.help);
    if (setting.kind != Kind::Text && setting.kind != Kind::Host && setting.kind != Kind::Secret &&
        setting.kind != Kind::Path && setting.kind != Kind::Socket) {
      comment(out, "Expected: " + expected_text(setting) + ".");
    }
    out += "#" + std::string(setting.name) + " = " + value + "\n";
  }
  return out;
}

}  // namespace rategate
