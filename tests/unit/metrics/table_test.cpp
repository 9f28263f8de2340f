// The table of metrics: each row whole, its names as the field has them, no count without a row,
// and docs/protocol.md the same as the table.
#include "daemon/metrics/table.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/protocol_page.hpp"

namespace rategate::test {
namespace {

std::vector<MetricRow> all_rows() {
  std::vector<MetricRow> rows(metrics().begin(), metrics().end());
  rows.insert(rows.end(), limit_metrics().begin(), limit_metrics().end());
  return rows;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// The names of `a="x",b="y"`; none at all where it is written otherwise.
std::vector<std::string> label_names(std::string_view labels) {
  std::vector<std::string> names;
  while (!labels.empty()) {
    const std::size_t equals = labels.find("=\"");
    const std::size_t end = equals == labels.npos ? labels.npos : labels.find('"', equals + 2);
    if (end == labels.npos) return {};
    names.emplace_back(labels.substr(0, equals));
    labels.remove_prefix(end + 1);
    if (labels.empty()) break;
    if (labels.front() != ',' || labels.size() == 1) return {};
    labels.remove_prefix(1);
  }
  return names;
}

// The unit that a family's name ends with, before `_total`; Prometheus has base units alone.
std::string_view named_unit(std::string_view family) {
  if (family.ends_with("_total")) family.remove_suffix(6);
  for (const std::string_view unit :
       {"seconds", "bytes", "milliseconds", "ms", "microseconds", "us", "minutes", "kilobytes"}) {
    if (family.ends_with("_" + std::string(unit))) return unit;
  }
  return "";
}

std::string_view base_unit(Unit unit) {
  switch (unit) {
    case Unit::Seconds:
    case Unit::Milliseconds:
    case Unit::Microseconds:
      return "seconds";
    case Unit::Bytes:
      return "bytes";
    default:
      return "";
  }
}

LimitFacts api_facts() {
  Limit limit;
  limit.name = "api";
  limit.permits = 100;
  limit.period_ms = 1000;
  limit.redis_key = *KeyTemplate::parse(kDefaultRedisKey);
  return {std::make_shared<const Limit>(std::move(limit)), true, 99, 1, 7};
}

// Which rows read something else once a member of Part has changed.
template <class Part>
std::set<std::string_view> rows_that_change(Part Overview::* part, std::size_t word) {
  static_assert(std::is_trivially_copyable_v<Part> && sizeof(Part) % sizeof(std::uint64_t) == 0);
  const Snapshot before;
  Snapshot after;
  const std::uint64_t value = 77;
  std::memcpy(reinterpret_cast<char*>(&(after.*part)) + word * sizeof value, &value, sizeof value);
  std::set<std::string_view> changed;
  for (const Metric& metric : metrics()) {
    if (metric.read(before) != metric.read(after)) changed.insert(metric.name);
  }
  return changed;
}

}  // namespace

TEST_CASE("each metric has a name of its own, a kind that fits its unit, and help") {
  std::set<std::string_view> names;
  for (const Metric& metric : metrics()) {
    INFO(metric.name);
    CHECK(names.insert(metric.name).second);
  }
  names.clear();
  for (const LimitMetric& metric : limit_metrics()) {
    INFO(metric.name);
    CHECK(names.insert(metric.name).second);
  }
  for (const MetricRow& row : all_rows()) {
    INFO(row.name);
    CHECK(is_name(row.name));
    CHECK(row.help.size() > 5);
    CHECK(row.help.ends_with('.'));
    CHECK(row.help.find_first_of("|\\\n") == std::string_view::npos);
    if (row.unit == Unit::Text) {
      CHECK((row.kind == MetricKind::Property || row.kind == MetricKind::State));
    }
    CHECK((row.kind == MetricKind::State) == !row.words.empty());
  }
}

TEST_CASE("each metric is read, by a reader of its own, as its unit says") {
  std::set<Value (*)(const Snapshot&)> readers;
  Snapshot snapshot;
  snapshot.store.state = "up";
  for (const Metric& metric : metrics()) {
    INFO(metric.name);
    CHECK(readers.insert(metric.read).second);
    const Value value = metric.read(snapshot);
    CHECK(std::holds_alternative<std::string>(value) == (metric.unit == Unit::Text));
    if (metric.kind == MetricKind::State) {
      CHECK((" " + std::string(metric.words) + " ").find(" " + to_text(value) + " ") !=
            std::string::npos);
    }
  }
  const LimitFacts api = api_facts();
  std::set<Value (*)(const LimitFacts&)> limit_readers;
  for (const LimitMetric& metric : limit_metrics()) {
    INFO(metric.name);
    CHECK(limit_readers.insert(metric.read).second);
    CHECK(std::holds_alternative<std::string>(metric.read(api)) == (metric.unit == Unit::Text));
  }
}

TEST_CASE("all that is counted has one row") {
  for (std::size_t word = 0; word < sizeof(GateStats) / sizeof(std::uint64_t); ++word) {
    INFO("member " << word << " of GateStats");
    CHECK(rows_that_change(&Overview::gate, word).size() == 1);
  }
  for (std::size_t word = 0; word < sizeof(Books::Totals) / sizeof(std::uint64_t); ++word) {
    INFO("account " << word << " of Books");
    CHECK(rows_that_change(&Overview::permits, word).size() == 1);
  }
  for (std::size_t word = 0; word < sizeof(SessionStats) / sizeof(std::uint64_t); ++word) {
    INFO("member " << word << " of SessionStats");
    CHECK(rows_that_change(&Overview::sessions, word).size() == 1);
  }
}

TEST_CASE("INFO's sections stand together in the table, in their order") {
  std::vector<std::string_view> sections;
  for (const Metric& metric : metrics()) {
    if (sections.empty() || sections.back() != metric.section) sections.push_back(metric.section);
  }
  CHECK(sections == std::vector<std::string_view>(info_sections().begin(), info_sections().end()));
}

TEST_CASE("the places in INFO's line of a limit are counted without a gap") {
  std::vector<int> places;
  for (const LimitMetric& metric : limit_metrics()) {
    INFO(metric.name);
    CHECK((metric.in_limits || metric.in_info > 0));
    if (metric.in_info != 0) places.push_back(metric.in_info);
  }
  std::sort(places.begin(), places.end());
  for (std::size_t i = 0; i < places.size(); ++i) CHECK(places[i] == static_cast<int>(i + 1));
}

TEST_CASE("names in Prometheus are as its conventions have them") {
  for (const MetricRow& row : all_rows()) {
    INFO(row.name << " as " << row.family);
    if (row.family.empty()) {
      CHECK(row.labels.empty());
      // What counts or measures is for Prometheus, too, but for what it has another way.
      CHECK((row.kind == MetricKind::Property || row.name == "uptime_in_seconds" ||
             row.name == "clock_offset_us"));
      continue;
    }
    CHECK(is_name(row.family));
    CHECK(row.family.starts_with("rategate_"));
    CHECK(row.family.ends_with("_total") == (row.kind == MetricKind::Counter));
    CHECK(row.family.ends_with("_info") == (row.kind == MetricKind::Property));
    CHECK(named_unit(row.family) == base_unit(row.unit));
    if (row.kind == MetricKind::Property || row.kind == MetricKind::State) {
      CHECK(is_name(row.labels));
    } else if (!row.labels.empty()) {
      const auto names = label_names(row.labels);
      CHECK(!names.empty());
      CHECK(std::all_of(names.begin(), names.end(), is_name));
      CHECK(std::find(names.begin(), names.end(), "limit") == names.end());  // the writer's own
    }
  }
}

TEST_CASE("the rows of one family agree, and each is a series of its own") {
  struct Agreed {
    MetricKind kind;
    std::string_view unit;
    std::vector<std::string> labels;
    bool of_limits;
    std::string_view help;
    int rows = 0;
  };
  std::map<std::string_view, Agreed> families;
  std::set<std::pair<std::string_view, std::string_view>> series;
  const std::vector<MetricRow> rows = all_rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MetricRow& row = rows[i];
    if (row.family.empty()) continue;
    INFO(row.name << " as " << row.family);
    CHECK(series.emplace(row.family, row.labels).second);
    const bool of_limits = i >= metrics().size();
    // A property adds its own label; the others of a family differ in values alone.
    const auto labels =
        row.kind == MetricKind::Property ? std::vector<std::string>() : label_names(row.labels);
    const auto [found, added] = families.try_emplace(
        row.family, Agreed{row.kind, base_unit(row.unit), labels, of_limits, family_help(row), 0});
    Agreed& agreed = found->second;
    ++agreed.rows;
    CHECK(agreed.kind == row.kind);
    CHECK(agreed.unit == base_unit(row.unit));
    CHECK(agreed.labels == labels);
    CHECK(agreed.of_limits == of_limits);
    CHECK(agreed.help == family_help(row));
  }
  // A family of several rows has help of its own.
  for (const MetricRow& row : rows) {
    if (row.family.empty()) continue;
    INFO(row.name << " as " << row.family);
    CHECK((family_help(row) != row.help) == (families.at(row.family).rows > 1));
  }
}

TEST_CASE("docs/protocol.md has the fields of INFO, in its order, and no others") {
  using Told = std::vector<std::string>;
  std::vector<Told> told;
  for (const std::string_view section : info_sections()) {
    for (const Metric& metric : metrics()) {
      if (metric.section != section) continue;
      told.push_back({std::string(section), std::string(metric.name), std::string(metric.help)});
    }
    if (section != "limits") continue;
    std::map<int, std::string> line;
    for (const LimitMetric& metric : limit_metrics()) {
      if (metric.in_info != 0) line[metric.in_info] = std::string(metric.name);
    }
    std::string fields;
    for (const auto& [place, name] : line) fields += "`" + name + "=`, ";
    told.push_back({"limits", "limit_NAME", fields + "for each limit."});
  }
  CHECK(page_table("## INFO") == told);
}

TEST_CASE("docs/protocol.md has the fields of LIMITS, in its order, and no others") {
  std::vector<std::vector<std::string>> told;
  for (const LimitMetric& metric : limit_metrics()) {
    if (!metric.in_limits) continue;
    told.push_back({std::string(metric.name), metric.unit == Unit::Text ? "bulk string" : "integer",
                    std::string(metric.help)});
  }
  CHECK(page_table("## LIMITS") == told);
}

}  // namespace rategate::test
