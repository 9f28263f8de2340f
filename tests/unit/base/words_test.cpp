#include "daemon/base/words.hpp"

#include <vector>

#include "tests/unit/catch.hpp"

namespace {
enum class Colour { Red, Green, Blue, Grey };
}  // namespace

namespace rategate {
template <>
inline constexpr std::array kWords<Colour>{
    Word{Colour::Red, "red"},
    Word{Colour::Green, "green"},
    Word{Colour::Blue, "blue"},
};
}  // namespace rategate

using namespace rategate;

TEST_CASE("a word is read as it is written") {
  CHECK(to_text(Colour::Green) == "green");
  CHECK(*parse_word<Colour>("blue") == Colour::Blue);
  CHECK_FALSE(static_cast<bool>(parse_word<Colour>("Blue")));
  CHECK_FALSE(static_cast<bool>(parse_word<Colour>("")));
  CHECK(parse_word<Colour>("grey").error() == "expected red, green or blue");
}

TEST_CASE("a value without a row is taken for no other") { CHECK(to_text(Colour::Grey).empty()); }

TEST_CASE("words are offered in the order of their table") {
  CHECK(one_of(kTexts<Colour>, "\"") == "\"red\", \"green\" or \"blue\"");
  CHECK(one_of(std::vector<std::string_view>{"one"}) == "one");
  CHECK(one_of(std::vector<std::string_view>{"one", "other"}) == "one or other");
  CHECK(one_of({}).empty());
}
