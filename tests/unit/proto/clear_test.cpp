// CLEAR: which words are what, what reaches the daemon, and who may.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "daemon/proto/resp/ascii.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"

namespace rategate::test {
namespace {

using Seen = std::vector<std::pair<std::string, std::string>>;

struct Clears {
  FakeService service;
  Connection connection{service};

  std::string ask(const std::string& bytes) { return connection.ask(bytes); }
};

}  // namespace

TEST_CASE("CLEAR says limit and key, and is answered later") {
  for (const auto& [bytes, seen] : std::vector<std::pair<std::string, Seen>>{
           {"CLEAR api\r\n", {{"api", ""}}},
           {"clear api alice\r\n", {{"api", "alice"}}},
           {"Clear api alice LIMIT 5 PERIOD 1s\r\n", {{"api", "alice"}}}}) {
    Clears clears;
    CHECK(clears.ask(bytes).empty());
    CHECK(clears.service.cleared == seen);
  }
}

TEST_CASE("what is wrong with a CLEAR is told") {
  for (const auto& [bytes, error] : std::vector<std::pair<std::string, std::string>>{
           {"CLEAR", "ERR wrong number of arguments for 'clear' command"},
           {"CLEAR a:b",
            "ERR invalid limit name 'a:b': expected 1 to 64 letters, digits or any of "
            "_-./@"},
           {"CLEAR api k COST 1",
            "ERR syntax error at 'COST': expected CLEAR <limit> [<key>] "
            "[LIMIT <n> PERIOD <p>]"},
           {"CLEAR api k LIMIT 5", "ERR LIMIT and PERIOD go together: one of them is missing"}}) {
    Clears clears;
    CHECK(clears.ask(bytes + "\r\n") == "-" + error + "\r\n");
    CHECK(clears.service.cleared.empty());
  }
  Clears clears;
  CHECK(clears.ask("CLEAR ap1\r\n") == "-NOLIMIT no limit named 'ap1'; did you mean 'api'?\r\n");
}

TEST_CASE("each verb of administrators is denied to all others, whatever they say") {
  for (const Verb* verb : verb_table()) {
    if (!verb->admin) continue;
    Clears clears;
    clears.service.admin = false;
    for (const char* words : {"", " api", " nowhere k", " a:b", " api k COST 1"}) {
      const auto count = static_cast<std::size_t>(std::ranges::count(std::string_view(words), ' '));
      if (1 + count < verb->min_words || 1 + count > verb->max_words) continue;
      CHECK(clears.ask(std::string(verb->name) + words + "\r\n") ==
            "-DENIED " + upper_case(verb->name) +
                " is not for this user (admin_users, admin_groups)\r\n");
    }
    CHECK(clears.service.cleared.empty());
    CHECK(clears.ask("CHECK api\r\n").starts_with("*6\r\n:1\r\n"));
  }
}

}  // namespace rategate::test
