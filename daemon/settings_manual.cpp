// The settings as a part of the manual page rategate.toml(5), in mdoc, made from the table.
#include "daemon/settings.hpp"

namespace rategate {
namespace {

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

// An argument of a macro is quoted, or its words may be taken for macros.
std::string argument(std::string_view text) { return '"' + escaped(text) + '"'; }

// One sentence a line, as mdoc wants it.
std::string sentences(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find(". ");
    const std::string_view one = text.substr(0, end == std::string_view::npos ? end : end + 1);
    out += escaped(one) + '\n';
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return out;
}

}  // namespace

std::string settings_manual() {
  std::string out;
  std::string_view section = "none yet";
  for (const Setting& setting : settings()) {
    if (setting.section != section) {
      if (!out.empty()) out += ".El\n";
      section = setting.section;
      out += section.empty() ? ".Ss At the top\n"
                             : ".Ss " + argument("[" + std::string(section) + "]") + '\n';
      out += ".Bl -tag -width 4n\n";
    }
    out += ".It Ic " + std::string(setting.name) + '\n' + sentences(setting.help);
    out += ".br\nExpected: " + escaped(expected_text(setting)) + ".\n";
    out += ".br\nDefault: " + escaped(default_text(setting)) + ".\n";
    out += std::string(".br\nReload: ") + (setting.reloadable ? "yes" : "no") + ".\n";
  }
  return out + ".El\n";
}

}  // namespace rategate
