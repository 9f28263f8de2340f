// The tables and lines of docs/protocol.md, for the tests that hold the program against them.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/source_file.hpp"

namespace rategate::test {

inline std::vector<std::string> protocol_page() {
  std::istringstream file(source_file("docs/protocol.md"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// A row's cells, without the spaces and back quotes around them; "\|" is a bar.
inline std::vector<std::string> cells(const std::string& row) {
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
inline std::vector<std::vector<std::string>> page_table(const std::string& heading) {
  const auto lines = protocol_page();
  auto line = std::find(lines.begin(), lines.end(), heading);
  while (line != lines.end() && !line->starts_with("|")) ++line;
  std::vector<std::vector<std::string>> rows;
  for (; line != lines.end() && line->starts_with("|"); ++line) rows.push_back(cells(*line));
  REQUIRE(rows.size() > 2);
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

}  // namespace rategate::test
