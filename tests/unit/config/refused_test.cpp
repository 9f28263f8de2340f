// The tables "in the configuration | error" of the pages: each row that is a configuration is
// refused, and by those very words.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/config/loader.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/protocol_page.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

using Lines = std::vector<std::string>;

const std::string kHead = "| in the configuration | error |";

// Its rows, without the head.
std::vector<Lines> table_of(const std::string& page) {
  std::istringstream file(source_file("docs/" + page));
  std::string line;
  while (std::getline(file, line) && line != kHead) {
  }
  REQUIRE(std::getline(file, line));
  std::vector<Lines> rows;
  while (std::getline(file, line) && line.starts_with("|")) rows.push_back(cells(line));
  REQUIRE_FALSE(rows.empty());
  return rows;
}

bool is_section(const std::string& line) { return line.starts_with("["); }

std::string setting_of(const std::string& line) { return line.substr(0, line.find(" = ")); }

// What stands in back quotes and is a line of a configuration.
Lines lines_of(const std::string& cell) {
  if (cell.find('`') == std::string::npos) {
    return cell.find(" = ") != std::string::npos ? Lines{cell} : Lines{};
  }
  Lines lines;
  std::size_t at = 0;
  while ((at = cell.find('`', at)) != std::string::npos) {
    const std::size_t end = cell.find('`', at + 1);
    REQUIRE(end != std::string::npos);
    const std::string line = cell.substr(at + 1, end - at - 1);
    if (is_section(line) || line.find(" = ") != std::string::npos) lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

// The row in [limits.api], with what it does not say itself.
std::string config_of(const Lines& row, const Lines& unsaid) {
  const auto section = std::find_if(row.begin(), row.end(), is_section);
  std::string text = "store = \"memory\"\n[limits.api]\n";
  for (const std::string& line : unsaid) {
    const bool is_said = std::any_of(row.begin(), section, [&](const std::string& said) {
      return setting_of(said) == setting_of(line);
    });
    if (!is_said) text += line + "\n";
  }
  for (const std::string& line : row) text += line + "\n";
  return text;
}

// Without the place.
Lines faults_of(const std::string& text) {
  Lines texts;
  for (const Fault& fault : load_config_text(text, "f").faults) texts.push_back(fault.text);
  return texts;
}

}  // namespace

TEST_CASE("what the pages say to be refused is, by the words that they say") {
  struct Page {
    std::string name;
    std::size_t rows;  // that are configurations
    Lines unsaid;
  };
  const Page pages[] = {
      {"algorithms.md", 12, {"limit = \"5/s\""}},
      {"combined.md", 11, {"limit = \"5/s\""}},
      {"concurrency.md", 7, {"limit = 20", "algorithm = \"concurrency\""}},
      {"configuration.md", 12, {"limit = \"100/s\""}},
      {"blocking.md", 3, {}},
      {"calendar.md", 5, {}},
  };
  for (const Page& page : pages) {
    std::size_t rows = 0;
    for (const Lines& row : table_of(page.name)) {
      REQUIRE(row.size() == 2);
      const Lines lines = lines_of(row[0]);
      if (lines.empty()) continue;  // of a host's files, in words
      const std::string config = config_of(lines, page.unsaid);
      INFO(page.name << ": " << row[0] << "\n" << config);
      CHECK(faults_of(config) == Lines{row[1]});
      ++rows;
    }
    INFO(page.name);
    CHECK(rows == page.rows);
  }
}
