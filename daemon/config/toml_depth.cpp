#include "daemon/config/toml_depth.hpp"

#include <algorithm>

namespace rategate {
namespace {

bool is_triple(std::string_view text, std::size_t at) {
  return at + 2 < text.size() && text[at + 1] == text[at] && text[at + 2] == text[at];
}

// The place behind a string that begins at `at`, or behind its line where it does not end there.
std::size_t behind_line_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text[at] == quote) {
      return at + 1;
    }
  }
  return std::min(at, text.size());
}

// The same of one in three quotes, which may go on over lines, and end with up to two of its own.
std::size_t behind_text_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (at += 3; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text[at] == quote && is_triple(text, at)) {
      at += 3;
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more) ++at;
      return at;
    }
  }
  return text.size();
}

}  // namespace

std::optional<std::size_t> find_too_deep(std::string_view text) {
  int dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = is_triple(text, at) ? behind_text_string(text, at) : behind_line_string(text, at);
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      if (c == '\n') dots = 0;
      if (c == '.' && ++dots > kMostDots) return at;
      ++at;
    }
  }
  return std::nullopt;
}

}  // namespace rategate
