// Keys of more parts than the TOML library has stack for.
#include "daemon/config/toml_depth.hpp"

#include <string>

#include "daemon/config/toml.hpp"
#include "tests/unit/catch.hpp"

namespace rategate::test {
namespace {

std::string parts(int count, const std::string& between = ".") {
  std::string text = "a";
  for (int i = 1; i < count; ++i) text += between + "a";
  return text;
}

}  // namespace

TEST_CASE("a key of too many parts is a fault, however many they are") {
  for (const int count : {10, 5'000, 100'000}) {
    for (const std::string& text :
         {parts(count) + " = 1\n", "[" + parts(count) + "]\n", "[[" + parts(count) + "]]\n",
          "q = {" + parts(count) + " = 1}\n", parts(count, " . ") + " = 1\n",
          "q = ['''a'''', {" + parts(count) + " = 1}]\n",
          R"(q = ["""a""""", {)" + parts(count) + " = 1}]\n"}) {
      const Document document = parse_document("\n" + text, "f");
      REQUIRE(document.faults.size() == 1);
      CHECK(document.faults[0].text ==
            "more than 8 dots in a line outside of quotes: expected no key of so many parts");
      CHECK(document.faults[0].line == 2);
      CHECK(document.root.empty());
    }
  }
}

TEST_CASE("dots of strings and comments count for no key, nor those of another line") {
  const std::string dots(1000, '.');
  for (const std::string& text :
       {parts(9) + " = 1\n", parts(9) + " = 1\nb." + parts(8) + " = 1\n", "a = '" + dots + "'\n",
        "a = \"" + dots + "\\\"" + dots + "\"\n", "# " + dots + "\na = 1 # " + dots,
        "a = \"\"\"\n" + dots + "\n\\\"\"\"" + dots + "\"\"\"\n", "a = '''" + dots + "'''\n",
        "'" + dots + "' = 1\n", std::string("a = '#'\n")}) {
    CAPTURE(text.substr(0, 40));
    CHECK_FALSE(find_too_deep(text));
    if (text.find("\\\"\"\"") == std::string::npos) {
      CHECK(parse_document(text, "f").faults.empty());
    }
  }
}

// The library's own bound of values is what is left then.
TEST_CASE("values that nest, with keys of as many parts as there may be") {
  std::string text = "q = ";
  for (int i = 0; i < 1000; ++i) text += "[\n{" + parts(9) + " = ";
  const Document document = parse_document(text, "f");
  REQUIRE(document.faults.size() == 1);
  CHECK(document.faults[0].text.starts_with("not TOML: "));
}

}  // namespace rategate::test
