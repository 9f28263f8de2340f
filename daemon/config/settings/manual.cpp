// The settings as a part of the manual page rategate.toml(5), in mdoc, made from the table.
#include <algorithm>
#include <utility>

#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr std::size_t kColumns = 78;

// Text of a line that mdoc shall neither take for a macro nor interpret.
std::string escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '-':
        out += "\\-";  // as it is typed: not a hyphen
        break;
      default:
        out += c;
    }
  }
  return out;
}

// One sentence begins a line, as mdoc wants it, and no line is longer than 80 columns.
std::string filled(std::string_view text) {
  std::string out;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string word = escaped(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool sentence = line.ends_with('.');
    if (!line.empty() && (sentence || line.size() + 1 + word.size() > kColumns)) {
      out += std::exchange(line, "") + '\n';
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + line + '\n';
}

}  // namespace

std::string settings_manual() {
  std::string out;
  std::string_view section = "none yet";
  for (const Setting& setting : settings()) {
    if (setting.section != section) {
      if (!out.empty()) out += ".El\n";
      section = setting.section;
      out += section.empty() ? ".Ss Top level\n" : ".Ss [" + escaped(section) + "]\\&\n";
      out += ".Bl -tag -width 4n\n";
    }
    out += ".It Ic " + std::string(setting.name) + '\n' + filled(setting.help);
    out += ".br\n" + filled("Expected: " + expected_text(setting) + ".");
    out += ".br\n" + filled("Default: " + default_text(setting) + ".");
    out += std::string(".br\nReload: ") + (setting.reloadable ? "yes" : "no") + ".\n";
  }
  return out + ".El\n";
}

}  // namespace rategate
