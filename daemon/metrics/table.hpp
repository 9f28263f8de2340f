// All that the daemon tells about itself, in one table: a row for each value, and one for each
// value that every limit has. INFO, LIMITS and docs/protocol.md are this table, and a test holds
// them against it. It has what Prometheus' text format needs as well: a family's name, type, unit,
// help and labels.
//
// Another metric is one row here, the line that counts it (in a struct of snapshot.hpp, GateStats
// included), and its row in docs/protocol.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "daemon/metrics/snapshot.hpp"
#include "daemon/metrics/value.hpp"

namespace rategate {

enum class MetricKind : std::uint8_t {
  Counter,   // only grows while the daemon runs
  Gauge,     //
  State,     // one of a few words; in Prometheus a series for each word, which is 1 or 0
  Property,  // does not change of itself; in Prometheus a label of an "_info" family
};

// In what unit a value is read. Prometheus gets times in seconds.
enum class Unit : std::uint8_t { Text, Flag, Count, Bytes, Seconds, Milliseconds, Microseconds };

// What a row says, of whatever it is read from.
struct MetricRow {
  std::string_view name;  // of the field
  MetricKind kind;
  Unit unit;
  std::string_view help;
  std::string_view family;  // in Prometheus; empty: not there
  // Of a counter or a gauge: as they stand between the braces. Of a property or a state: the name
  // of the label whose value it is.
  std::string_view labels;
  std::string_view words;  // of a State: those that there are, separated by spaces
};

// A field of INFO.
struct Metric : MetricRow {
  std::string_view section;
  Value (*read)(const Snapshot&);
};

// A field of LIMITS, or of the line that INFO has for each limit. In Prometheus its first label is
// `limit`, the limit's name.
struct LimitMetric : MetricRow {
  bool in_limits;  // whether LIMITS has it, at this place
  int in_info;     // its place in INFO's line, from 1; 0: it is not there
  Value (*read)(const LimitFacts&);
};

std::span<const std::string_view> info_sections();  // in INFO's order
std::span<const Metric> metrics();                  // in INFO's order
std::span<const LimitMetric> limit_metrics();       // in LIMITS' order

// What a family of Prometheus is about: the row's own help where the family has that row alone.
std::string_view family_help(const MetricRow&);

}  // namespace rategate
