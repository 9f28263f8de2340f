#include "daemon/proto/resp/inline_splitter.hpp"

#include <cstddef>

namespace rategate {
namespace {

// isspace() of the C locale.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// What ends a word outside quotes. Not \v and \f, though they are skipped before one: so does
// Redis.
bool ends_word(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Reads the quoted part whose opening quote is at `at`, appends its bytes to `out` and moves `at`
// behind the closing quote. False when there is none.
bool read_quoted(std::string_view line, std::size_t& at, std::string& out) {
  const char quote = line[at++];
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (c == quote) {
      ++at;
      return true;
    }
    const bool more = at + 1 < line.size();
    if (c != '\\' || !more) {
      out += c;
    } else if (quote == '\'') {
      if (line[at + 1] == '\'') ++at;
      out += line[at];
    } else if (line[at + 1] == 'x' && at + 3 < line.size() && hex_digit(line[at + 2]) >= 0 &&
               hex_digit(line[at + 3]) >= 0) {
      out += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 3;
    } else {
      out += unescaped(line[++at]);
    }
  }
  return false;
}

}  // namespace

bool split_inline(std::string_view line, Args& args) {
  args.words.clear();
  args.scratch.clear();
  std::size_t at = 0;
  for (;;) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return true;
    const std::size_t start = at;
    while (at < line.size() && !ends_word(line[at]) && line[at] != '"' && line[at] != '\'') ++at;
    if (at == line.size() || ends_word(line[at])) {
      args.words.push_back(line.substr(start, at - start));
      continue;
    }
    // Quotes, perhaps in the middle of a word: its bytes go to the scratch space. Unquoting never
    // makes anything longer, so after this the space does not move under the views into it.
    args.scratch.reserve(line.size());
    const std::size_t word = args.scratch.size();
    args.scratch.append(line.substr(start, at - start));
    if (!read_quoted(line, at, args.scratch)) return false;
    if (at < line.size() && !is_space(line[at])) return false;
    args.words.push_back(std::string_view(args.scratch).substr(word));
  }
}

}  // namespace rategate
