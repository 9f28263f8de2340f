// The only file that includes toml++.
#include "daemon/config/toml.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "daemon/config/toml_depth.hpp"

namespace rategate {
namespace {

Place place_of(const toml::source_region& region) {
  return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

Table convert(const toml::table& table);
List convert(const toml::array& array);

Value convert(const toml::node& node) {
  Value value{place_of(node.source()), OtherValue{"a value of another type"}};
  switch (node.type()) {
    case toml::node_type::table:
      value.data = convert(*node.as_table());
      break;
    case toml::node_type::string:
      value.data = node.as_string()->get();
      break;
    case toml::node_type::integer:
      value.data = node.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      value.data = node.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      value.data = node.as_boolean()->get();
      break;
    case toml::node_type::array:
      value.data = convert(*node.as_array());
      break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      value.data = OtherValue{"a date or time"};
      break;
    case toml::node_type::none:
      break;
  }
  return value;
}

List convert(const toml::array& array) {
  List values;
  values.reserve(array.size());
  for (const toml::node& node : array) values.push_back(convert(node));
  return values;
}

Table convert(const toml::table& table) {
  Table entries;
  entries.reserve(table.size());
  for (const auto& [key, node] : table) {
    entries.push_back({std::string(key.str()), place_of(key.source()), convert(node)});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return entries;
}

Place place_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<int>(lines) + 1, static_cast<int>(offset - line_start) + 1};
}

// The line with this number (from 1), and where it starts.
std::pair<std::size_t, std::string_view> line_at(std::string_view text, int number) {
  std::size_t start = 0;
  for (int i = 1; i < number; ++i) start = text.find('\n', start) + 1;
  return {start, text.substr(start, text.find('\n', start) - start)};
}

std::optional<toml::table> try_parse(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

struct Twice {
  std::vector<std::string> keys;  // "limits", "api"
  Place second;
  Place first;
};

// TOML's library tells where a key is given again, but not where it was first. So the line that
// gives it again is parsed alone, under the header it stands below, and its key is looked up in
// what came before it. Where that does not work out, the library's words have to do.
std::optional<Twice> find_twice(std::string_view text, int line_number) {
  const auto [start, line] = line_at(text, line_number);
  const auto before = try_parse(text.substr(0, start));
  if (!before) return std::nullopt;

  std::string alone(line.substr(0, line.find_last_not_of('\r') + 1));
  const std::size_t indent = line.find_first_not_of(" \t");
  if (indent != std::string_view::npos && line[indent] != '[') {
    std::size_t at = start;
    while (at > 0) {
      const std::size_t previous = at < 2 ? 0 : text.rfind('\n', at - 2) + 1;
      const std::string_view above = text.substr(previous, at - previous);
      at = previous;
      const std::size_t first = above.find_first_not_of(" \t");
      if (first != std::string_view::npos && above[first] == '[') {
        alone.insert(0, above);
        break;
      }
    }
  }
  const auto parsed = try_parse(alone);
  if (!parsed) return std::nullopt;

  Twice twice;
  const toml::table* was = &*before;
  const toml::table* is = &*parsed;
  while (is->size() == 1) {
    const auto only = is->begin();  // what it points at lives in the iterator
    const toml::key& key = only->first;
    const auto found = was->find(key.str());
    if (found == was->end()) return std::nullopt;
    twice.keys.emplace_back(key.str());
    twice.first = place_of(found->first.source());
    twice.second = {line_number, place_of(key.source()).column};
    is = only->second.as_table();
    was = found->second.as_table();
    if (is == nullptr || was == nullptr || is->empty()) break;
  }
  return twice.keys.empty() ? std::nullopt : std::optional(twice);
}

Fault fault_at(std::string_view path, Place place, std::string text) {
  return {std::string(path), place.line, place.column, std::move(text)};
}

Fault explain(std::string_view text, std::string_view path, const toml::parse_error& error) {
  const Place place = place_of(error.source());
  if (error.description().find("redefine") != std::string_view::npos) {
    if (const auto twice = find_twice(text, place.line)) {
      const auto& keys = twice->keys;
      std::string name = keys[0];
      for (std::size_t i = 1; i < keys.size(); ++i) name += "." + keys[i];
      const bool limit = keys.size() == 2 && keys[0] == "limits";
      const Fault first{std::string(path), twice->first.line, twice->first.column, {}};
      return fault_at(path, twice->second,
                      (limit ? "limit '" + keys[1] + "' is named" : "'" + name + "' is given") +
                          " twice, first at " + place_text(first));
    }
  }
  return fault_at(path, place, "not TOML: " + std::string(error.description()));
}

}  // namespace

Document parse_document(std::string_view text, std::string_view path) {
  Document document;
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    document.faults.push_back(
        fault_at(path, place_at(text, nul), "expected text, found a NUL byte"));
    return document;
  }
  if (const auto deep = find_too_deep(text)) {
    document.faults.push_back(fault_at(path, place_at(text, *deep),
                                       "more than " + std::to_string(kMostDots) +
                                           " dots in a line outside of quotes: expected no key of "
                                           "so many parts"));
    return document;
  }
  try {
    document.root = convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    document.faults.push_back(explain(text, path, error));
  }
  return document;
}

}  // namespace rategate
