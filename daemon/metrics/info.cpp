#include "daemon/metrics/info.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/metrics/table.hpp"

namespace rategate {
namespace {

// A line of INFO ends at the first line end, so none may come from a value.
void append_value(std::string& text, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
}

std::vector<const LimitMetric*> fields_of_line() {
  std::vector<const LimitMetric*> fields;
  for (const LimitMetric& field : limit_metrics()) {
    if (field.in_info != 0) fields.push_back(&field);
  }
  std::sort(fields.begin(), fields.end(),
            [](const auto* a, const auto* b) { return a->in_info < b->in_info; });
  return fields;
}

}  // namespace

// limit_NAME:rate=100/1s,mode=auto,...
void append_limit_lines(std::string& text, std::span<const LimitFacts> limits) {
  const std::vector<const LimitMetric*> fields = fields_of_line();
  for (const LimitFacts& limit : limits) {
    text.append("limit_").append(limit.limit->name);
    char before = ':';
    for (const LimitMetric* field : fields) {
      text += std::exchange(before, ',');
      text.append(field->name).append("=").append(to_text(field->read(limit)));
    }
    text += "\r\n";
  }
}

std::string info_section(std::string_view section, const Snapshot& snapshot) {
  std::string text = "# ";
  text.append(section).append("\r\n");
  text[2] = static_cast<char>(text[2] - 'a' + 'A');
  for (const Metric& metric : metrics()) {
    if (metric.section != section) continue;
    text.append(metric.name).append(":");
    append_value(text, to_text(metric.read(snapshot)));
    text += "\r\n";
  }
  return text;
}

}  // namespace rategate
