#include "daemon/proto/resp/inline_splitter.hpp"

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"

namespace rategate::test {
namespace {

using namespace std::string_literals;
using Words = std::optional<std::vector<std::string>>;

Words split(const std::string& line) {
  Args args;
  if (!split_inline(line, args)) return std::nullopt;
  return std::vector<std::string>{args.words.begin(), args.words.end()};
}

std::vector<std::string> of(std::initializer_list<std::string> words) { return words; }

}  // namespace

TEST_CASE("words are separated by white space") {
  CHECK(split("") == of({}));
  CHECK(split(" \t\v\f\r\n ") == of({}));
  CHECK(split("  CHECK\tapi  key ") == of({"CHECK", "api", "key"}));
  CHECK(split("a\rb\nc") == of({"a", "b", "c"}));
  // As in Redis: skipped before a word, but part of one.
  CHECK(split("a \vb\vc\f") == of({"a", "b\vc\f"}));
  CHECK(split("a\0b"s) == of({"a\0b"s}));
  CHECK(split("a\\nb") == of({"a\\nb"}));
}

TEST_CASE("double quotes know escapes") {
  CHECK(split(R"("a b" "")") == of({"a b", ""}));
  CHECK(split(R"("\n\r\t\b\a\\\"\q")") == of({"\n\r\t\b\a\\\"q"}));
  CHECK(split(R"("\x41\x7a\xfF\x00")") == of({"Az\xff\0"s}));
  CHECK(split(R"("\x4" "\xg1" "\x1g" "\x")") == of({"x4", "xg1", "x1g", "x"}));
  CHECK(split(R"("it's")") == of({"it's"}));
}

TEST_CASE("single quotes know one escape") {
  CHECK(split(R"('a b' '' 'a"b')") == of({"a b", "", "a\"b"}));
  CHECK(split(R"('it\'s' '\n' '\\ ')") == of({"it's", "\\n", "\\\\ "}));
}

TEST_CASE("quotes may open in the middle of a word, and close it") {
  CHECK(split(R"(a"b c" d'e f')") == of({"ab c", "de f"}));
  CHECK(split("a\"b\"\vc") == of({"ab", "c"}));
  CHECK(split(R"("a"b)") == std::nullopt);
  CHECK(split(R"('a'b)") == std::nullopt);
  CHECK(split(R"("a""b")") == std::nullopt);
}

TEST_CASE("quotes must be closed") {
  for (const char* line :
       {"\"", "'", "a \"b", "a 'b", "\"a\\", "\"a\\\"", "'a\\'", "'\\\\'", "\"\\x4"}) {
    INFO(line);
    CHECK(split(line) == std::nullopt);
  }
}

TEST_CASE("words that were unquoted stay where they are while more come") {
  std::string line;
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    line += "\"word " + std::to_string(i) + "\" plain" + std::to_string(i) + " ";
    expected.push_back("word " + std::to_string(i));
    expected.push_back("plain" + std::to_string(i));
  }
  CHECK(split(line) == expected);
}

TEST_CASE("one object serves one line after another") {
  Args args;
  REQUIRE(split_inline("\"a b\" c", args));
  REQUIRE(split_inline("'d e'", args));
  REQUIRE(args.size() == 1);
  CHECK(args[0] == "d e");
}

}  // namespace rategate::test
