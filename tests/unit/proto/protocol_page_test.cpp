// Holds docs/protocol.md against the program: the verbs, the errors, and the examples, whose bytes
// are sent and compared.
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/proto/resp/ascii.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"

namespace rategate::test {
namespace {

std::vector<std::string> page() {
  std::ifstream file(RATEGATE_SOURCE_DIR "/docs/protocol.md");
  REQUIRE(file.good());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// A row's cells, without the spaces and back quotes around them; "\|" is a bar.
std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> result;
  std::string cell;
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '\\' && i + 1 < row.size() && row[i + 1] == '|') {
      cell += row[++i];
    } else if (row[i] == '|') {
      const auto first = cell.find_first_not_of(' ');
      const auto last = cell.find_last_not_of(' ');
      cell = first == std::string::npos ? "" : cell.substr(first, last - first + 1);
      if (cell.size() > 1 && cell.front() == '`' && cell.find('`', 1) == cell.size() - 1) {
        cell = cell.substr(1, cell.size() - 2);
      }
      result.push_back(cell);
      cell.clear();
    } else {
      cell += row[i];
    }
  }
  return result;
}

// The rows of the first table under a heading, without its head.
std::vector<std::vector<std::string>> table(const std::string& heading) {
  const auto lines = page();
  auto line = std::find(lines.begin(), lines.end(), heading);
  while (line != lines.end() && !line->starts_with("|")) ++line;
  std::vector<std::vector<std::string>> rows;
  for (; line != lines.end() && line->starts_with("|"); ++line) rows.push_back(cells(*line));
  REQUIRE(rows.size() > 2);
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

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
  for (const std::string& line : page()) {
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
  const auto rows = table("## Verbs");
  const auto verbs = verb_table();
  for (std::size_t i = 0; i < std::max(rows.size(), verbs.size()); ++i) {
    REQUIRE(i < rows.size());
    REQUIRE(i < verbs.size());
    std::string name = upper_case(verbs[i].name);
    std::replace(name.begin(), name.end(), '|', ' ');
    CHECK(rows[i] == std::vector<std::string>{name, std::string(verbs[i].arguments),
                                              std::string(verbs[i].summary)});
  }
}

TEST_CASE("docs/protocol.md has the errors of the program, in its order, and no others") {
  const auto rows = table("## Errors");
  const auto errors = error_table();
  for (std::size_t i = 0; i < std::max(rows.size(), errors.size()); ++i) {
    REQUIRE(i < rows.size());
    REQUIRE(i < errors.size());
    CHECK(rows[i] == std::vector<std::string>{
                         std::string(errors[i].code) + " " + std::string(errors[i].pattern),
                         std::string(errors[i].meaning)});
  }
}

TEST_CASE("docs/protocol.md names each field of LIMITS, and no others") {
  FakeService service;
  service.statuses = {api_limit()};
  Connection connection(service);
  const std::string answer = connection.ask("LIMITS\r\n");
  std::size_t at = 0;
  const auto rows = table("## LIMITS");
  for (const auto& row : rows) {
    const std::string field = "$" + std::to_string(row[0].size()) + "\r\n" + row[0] + "\r\n";
    const std::size_t found = answer.find(field, at);
    INFO(row[0]);
    REQUIRE(found != std::string::npos);
    at = found + field.size();
    CHECK((answer[at] == ':' ? "integer" : "bulk string") == row[1]);
  }
  CHECK(answer.starts_with("*1\r\n*" + std::to_string(2 * rows.size()) + "\r\n"));
}

TEST_CASE("the examples of docs/protocol.md are what the program says, byte for byte") {
  FakeService service;
  service.outcomes = {kAllowed, kDenied};
  service.statuses = {api_limit()};
  service.sections = {
      {"limits",
       {{"configured", "1"},
        {"declared", "0"},
        {"limit_api",
         "rate=100/1s,mode=auto,on_store_down=deny,allowed=99,denied=1,leased=1,shared=7"}}}};
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
