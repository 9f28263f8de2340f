// Splits a line, writes its words down again in quotes, and splits that: the words must be the
// same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/proto/resp/inline_splitter.hpp"
#include "tests/fuzz/require.hpp"

namespace rategate::fuzz {
namespace {

std::string in_double_quotes(std::string_view word) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    text += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
  }
  return text + "\"";
}

// A backslash before a quote, or at the end, would become an escape: such words cannot be written
// so.
bool fits_single_quotes(std::string_view word) {
  return word.find("\\'") == std::string_view::npos && !word.ends_with('\\');
}

std::string in_single_quotes(std::string_view word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "\\'" : std::string(1, c);
  return text + "'";
}

}  // namespace
}  // namespace rategate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rategate;
  using namespace rategate::fuzz;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  Args args;
  if (!split_inline(line, args)) return 0;
  const std::vector<std::string> words(args.words.begin(), args.words.end());
  std::size_t bytes = 0;
  std::string again;
  for (const std::string& word : words) {
    bytes += word.size();
    again += fits_single_quotes(word) && bytes % 2 == 0 ? in_single_quotes(word)
                                                        : in_double_quotes(word);
    again += ' ';
  }
  require(bytes <= size, "words are not longer than the line");
  require(split_inline(again, args), "quoted words can be read");
  require(words == std::vector<std::string>(args.words.begin(), args.words.end()),
          "quoted words are what they were");
  return 0;
}
