// Holds docs/protocol.md against the program: the verbs, the errors, and the examples, whose bytes
// are sent and compared.
#include "tests/unit/protocol_page.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/proto/resp/ascii.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"

namespace rategate::test {
namespace {

std::string unescaped(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
    } else {
      bytes += text[++i] == 'r' ? '\r' : '\n';
    }
  }
  return bytes;
}

// "C: ..." and what stands behind "S: ..." and its further lines.
std::vector<std::pair<std::string, std::string>> examples() {
  std::vector<std::pair<std::string, std::string>> result;
  for (const std::string& line : protocol_page()) {
    if (line.starts_with("C: ")) {
      result.emplace_back(unescaped(line.substr(3)), "");
    } else if (line.starts_with("S: ") || (line.starts_with("   ") && !result.empty())) {
      result.back().second += unescaped(line.substr(3));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("docs/protocol.md has the verbs of the program, in its order, and no others") {
  const auto rows = page_table("## Verbs");
  const auto verbs = every_row();
  for (std::size_t i = 0; i < std::max(rows.size(), verbs.size()); ++i) {
    REQUIRE(i < rows.size());
    REQUIRE(i < verbs.size());
    std::string name = upper_case(verbs[i]->name);
    std::replace(name.begin(), name.end(), '|', ' ');
    CHECK(rows[i] == std::vector<std::string>{name, std::string(verbs[i]->arguments),
                                              std::string(verbs[i]->summary)});
  }
}

TEST_CASE("docs/protocol.md has the errors of the program, in its order, and no others") {
  const auto rows = page_table("## Errors");
  const auto errors = error_table();
  for (std::size_t i = 0; i < std::max(rows.size(), errors.size()); ++i) {
    REQUIRE(i < rows.size());
    REQUIRE(i < errors.size());
    CHECK(rows[i] == std::vector<std::string>{
                         std::string(errors[i].code) + " " + std::string(errors[i].pattern),
                         std::string(errors[i].meaning)});
  }
}

namespace {

// Whether the answer, a map that begins like that in RESP2, has the fields that the page's table
// under that heading names, in its order and of its types.
void has_fields_of(const std::string& heading, const std::string& answer,
                   const std::string& begin) {
  std::size_t at = 0;
  const auto rows = page_table(heading);
  for (const auto& row : rows) {
    const std::string field = "$" + std::to_string(row[0].size()) + "\r\n" + row[0] + "\r\n";
    const std::size_t found = answer.find(field, at);
    INFO(row[0]);
    REQUIRE(found != std::string::npos);
    at = found + field.size();
    CHECK((answer[at] == ':' ? "integer" : "bulk string") == row[1]);
  }
  CHECK(answer.starts_with(begin + "*" + std::to_string(2 * rows.size()) + "\r\n"));
}

}  // namespace

TEST_CASE("docs/protocol.md names each field of LIMITS and of CHECKX, and no others") {
  FakeService service;
  service.state.limits = {api_limit()};
  Connection connection(service);
  has_fields_of("## LIMITS", connection.ask("LIMITS\r\n"), "*1\r\n");
  has_fields_of("## CHECKX", connection.ask("CHECKX api\r\n"), "");
}

TEST_CASE("the examples of docs/protocol.md are what the program says, byte for byte") {
  FakeService service;
  service.outcomes = {kAllowed, kDenied};
  service.state.limits_configured = 1;
  service.state.limits = {api_limit()};
  Connection connection(service);
  const auto all = examples();
  REQUIRE(all.size() >= 4);
  for (const auto& [asked, answered] : all) {
    INFO(asked);
    CHECK(connection.ask(asked) == answered);
    CHECK(connection.in.empty());
  }
}

}  // namespace rategate::test
