// Patterns of keys. The first byte says how long the pattern is; the rest of the input is the key.
// What the matcher finds from left to right is held against a table that tries all ways.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/key_rules.hpp"
#include "tests/fuzz/require.hpp"

namespace rategate::fuzz {
namespace {

// reached[i]: the pattern so far stands for the first i bytes of the key.
bool matches_somehow(std::string_view pattern, std::string_view key) {
  std::vector<bool> reached(key.size() + 1);
  reached[0] = true;
  for (const char c : pattern) {
    std::vector<bool> next(key.size() + 1);
    for (std::size_t i = 0; i <= key.size(); ++i) {
      if (c == '*') {
        next[i] = reached[i] || (i > 0 && next[i - 1]);
      } else {
        next[i] = i > 0 && reached[i - 1] && key[i - 1] == c;
      }
    }
    reached = next;
  }
  return reached[key.size()];
}

void check_pattern(const std::string& pattern, std::string_view key) {
  require(matches(pattern, key) == matches_somehow(pattern, key), "a pattern matches or does not");
  require(matches("*" + pattern + "*", key) || !matches(pattern, key), "stars may be for nothing");
  if (pattern.empty()) return;
  KeyRule one;
  one.pattern = pattern;
  KeyRule all;
  all.pattern = pattern == "*" ? "**" : "*";
  const KeyRules rules({one, all});
  require(rules.find(key) == (matches(pattern, key) ? 0U : 1U), "the first that matches counts");
}

}  // namespace
}  // namespace rategate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t pattern = std::min<std::size_t>(data[0], rest.size());
  rategate::fuzz::check_pattern(std::string(rest.substr(0, pattern)), rest.substr(pattern));
  return 0;
}
