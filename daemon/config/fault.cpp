#include "daemon/config/fault.hpp"

namespace rategate {

std::string place_text(const Fault& fault) {
  std::string text = fault.where;
  if (fault.line > 0) {
    text += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  }
  return text;
}

std::string to_text(const Fault& fault) {
  // Names and the TOML library's own words may hold line breaks and escape sequences of the file.
  static constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  for (const char c : place_text(fault) + ": " + fault.text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7f) {
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else {
      line += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
    }
  }
  return line;
}

}  // namespace rategate
