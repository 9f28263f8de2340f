#include "daemon/limit/key_template.hpp"

#include <array>

#include "daemon/base/letters.hpp"

namespace rategate {
namespace {

constexpr bool stands_for_itself(char c) {
  return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

// A table, because each reservation's name is looked at.
constexpr std::array<bool, 256> kUnreserved = table_of(stands_for_itself);

}  // namespace

bool is_unreserved(char c) { return kUnreserved[static_cast<unsigned char>(c)]; }

Result<KeyTemplate> KeyTemplate::parse(std::string_view text) {
  if (text.empty() || text.size() > 256) return Error{"expected 1 to 256 bytes"};
  bool has_window = false;
  bool has_key = false;
  bool apart = true;  // a byte that is always escaped came since the last placeholder
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == '\x7f') {
        return Error{"expected no spaces and no control characters"};
      }
      apart = apart || !is_unreserved(text[i]);
      continue;
    }
    const char kind = ++i < text.size() ? text[i] : '\0';
    switch (kind) {
      case '%':
        continue;  // escapes have percent signs, too: it keeps nothing apart
      case 'n':
      case 'p':
        break;
      case 'k':
        has_key = true;
        break;
      case 'w':
        has_window = true;
        break;
      default:
        return Error{"expected %n, %k, %p, %w or %% after a percent sign"};
    }
    if (!apart) {
      return Error{"expected a separator such as ':' between two placeholders"};
    }
    apart = false;
  }
  KeyTemplate result;
  result.text_ = text;
  result.has_key_ = has_key;
  result.has_window_ = has_window;
  return result;
}

bool KeyTemplate::has_steady_tag() const {
  const std::string_view text = text_;
  const std::size_t open = text.find('{');
  const std::size_t close = text.find('}', open == text.npos ? text.size() : open);
  if (close == text.npos) return false;
  const std::string_view tag = text.substr(open + 1, close - open - 1);
  bool empty = true;  // where the key is
  for (std::size_t at = 0; at < tag.size(); ++at) {
    if (tag[at] != '%') {
      empty = false;
      continue;
    }
    const char kind = tag[++at];  // there is one: a brace is none that may stand there
    if (kind == 'w') return false;
    empty = empty && kind == 'k';
  }
  return !empty;
}

}  // namespace rategate
