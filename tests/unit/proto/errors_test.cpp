#include "daemon/proto/errors.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/catch.hpp"

namespace rategate::test {
namespace {

// Every byte value, as a hostile client would send it.
std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

TEST_CASE("what a client sent is shown escaped") {
  CHECK(shown("user:42 'a' \\") == "user:42 'a' \\");
  CHECK(shown("a\r\n\tb") == "a\\r\\n\\tb");
  CHECK(shown(std::string_view("\0\x1b\x7f\xff", 4)) == "\\x00\\x1b\\x7f\\xff");
  CHECK(shown("") == "");
}

TEST_CASE("what a client sent is shortened, and no escape is cut") {
  const std::string most(128, 'x');
  CHECK(shown(most) == most);
  CHECK(shown(most + most) == most);
  const std::string_view nearly = std::string_view(most).substr(0, 126);
  CHECK(shown(std::string(nearly) + '\xff') == nearly);
  CHECK(shown("ab\n", 3) == "ab");
  CHECK(shown("ab\n", 4) == "ab\\n");
}

TEST_CASE("every error is one printable line that starts with its code, whatever its values are") {
  std::set<std::string> texts;
  for (const ErrorRow& row : error_table()) {
    INFO(row.pattern);
    const std::string hostile = all_bytes();
    const std::string text = error_text(row.id, {hostile, hostile, hostile, hostile});
    CHECK(is_printable(text));
    CHECK(text.starts_with(std::string(row.code) + " "));
    CHECK(text.size() <= row.pattern.size() + 4 * kMaxShownBytes + 16);
    // redis-cell's errors have no code of the usual kind.
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    CHECK((row.code == "Cell" || std::all_of(row.code.begin(), row.code.end(), is_upper)));
    CHECK_FALSE(row.meaning.empty());
    CHECK(texts.insert(std::string(row.code) + std::string(row.pattern)).second);
  }
}

TEST_CASE("values take the places of the names in order") {
  CHECK(error_text(ErrorId::UnknownSubcommand, {"KILL", "CLIENT"}) ==
        "ERR unknown subcommand 'KILL'. Try CLIENT HELP.");
  CHECK(error_text(ErrorId::RequestTooBig, {1000}) ==
        "ERR Protocol error: request of more than 1000 bytes (max_request)");
  CHECK(error_text(ErrorId::StoreDown, {"a{b}"}) ==
        "STOREDOWN the store is away, and limit 'a{b}' answers with an error");
  CHECK(error_text(ErrorId::ShuttingDown) == "SHUTDOWN the daemon is stopping");
}

TEST_CASE("an unknown command is told as Redis tells it") {
  const auto text = [](std::vector<std::string_view> words) {
    return unknown_command_error(words);
  };
  CHECK(text({"foo"}) == "ERR unknown command 'foo', with args beginning with: ");
  CHECK(text({"foo", "a", "", "b"}) ==
        "ERR unknown command 'foo', with args beginning with: 'a' '' 'b' ");
  const std::string hostile = all_bytes();
  CHECK(is_printable(text({hostile, hostile, hostile})));
  const std::string many(2, 'x');
  const std::string all = text(std::vector<std::string_view>(1000, many));
  CHECK(all.size() < 128 + 128 + 60);
}

TEST_CASE("an unknown limit is told with the nearest name and with why it cannot be declared") {
  CHECK(no_limit_error("apj", "", false) == "NOLIMIT no limit named 'apj'");
  CHECK(no_limit_error("apj", "api", false) == "NOLIMIT no limit named 'apj'; did you mean 'api'?");
  CHECK(no_limit_error("apj", "", true) == "NOLIMIT no limit named 'apj' (declared_limits is off)");
  CHECK(no_limit_error("apj", "api", true) ==
        "NOLIMIT no limit named 'apj' (declared_limits is off); did you mean 'api'?");
}

}  // namespace rategate::test
