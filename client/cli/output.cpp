#include "client/cli/output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "client/cli/json.hpp"

namespace rategate::cli {
namespace {

std::string ms_text(milliseconds ms) {
  const std::string number = std::to_string(ms.count());
  if (ms.count() < 10'000) return number + " ms";
  return std::to_string((ms.count() + 999) / 1000) + " s";
}

std::string text_of(const rategate_reply& value) {
  if (value.type == RATEGATE_REPLY_INTEGER) return std::to_string(value.integer);
  return {value.text, value.type == RATEGATE_REPLY_ARRAY ? 0 : value.size};
}

std::string json_of(const rategate_reply& value) {
  if (value.type == RATEGATE_REPLY_NIL) return "null";
  return value.type == RATEGATE_REPLY_INTEGER ? text_of(value) : json_string(text_of(value));
}

std::string field(const rategate_reply& map, std::string_view name) {
  for (std::size_t i = 0; i < map.size; i += 2) {
    if (text_of(map.items[i]) == name) return text_of(map.items[i + 1]);
  }
  return {};
}

// Names and values in turn, as RESP2 has maps.
void check_map(const rategate_reply& map) {
  if (map.type != RATEGATE_REPLY_ARRAY || map.size % 2 != 0 || field(map, "name").empty()) {
    throw Refused(-EPROTO, "LIMITS was answered with something else than a list of limits");
  }
}

using Row = std::array<std::string, 6>;

std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      text.append(row[i]).append(widths[i] + 2 - row[i].size(), ' ');
    }
    text.append(row.back()).append("\n");
  }
  return text;
}

// The next line of `text` without its end, which is taken from it.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

std::string decision_text(const Decision& decision) {
  const std::string reason(to_text(decision.reason));
  if (!decision.allowed) {
    if (decision.retry_after.count() < 0) {
      return "denied: " + reason + ", with a limit of " + std::to_string(decision.limit) + "\n";
    }
    return "denied: " + reason + ", try again in " + ms_text(decision.retry_after) + "\n";
  }
  if (decision.remaining < 0) return "allowed: " + reason + "\n";
  return "allowed: " + std::to_string(decision.remaining) + " of " +
         std::to_string(decision.limit) + " left for " + ms_text(decision.reset_after) + "\n";
}

std::string decision_json(const Decision& decision) {
  return "{\"allowed\":" + std::string(decision.allowed ? "true" : "false") +
         ",\"limit\":" + std::to_string(decision.limit) +
         ",\"remaining\":" + std::to_string(decision.remaining) +
         ",\"retry_after_ms\":" + std::to_string(decision.retry_after.count()) +
         ",\"reset_after_ms\":" + std::to_string(decision.reset_after.count()) +
         ",\"reason\":" + std::to_string(static_cast<int>(decision.reason)) +
         ",\"reason_text\":" + json_string(to_text(decision.reason)) + "}\n";
}

std::string limits_text(const rategate_reply& limits) {
  if (limits.size == 0) {
    return "There are no limits. They are configured as [limits] in the daemon's file, or declared "
           "in a call:\n  rategate check NAME --limit 100 --period 1s\n";
  }
  std::vector<Row> rows{{"NAME", "LIMIT", "ON STORE DOWN", "ALLOWED", "DENIED", "COUNTER"}};
  for (std::size_t i = 0; i < limits.size; ++i) {
    const rategate_reply& map = limits.items[i];
    check_map(map);
    const std::string declared = field(map, "declared") == "1" ? " (declared)" : "";
    rows.push_back({field(map, "name"), field(map, "limit") + "/" + field(map, "period") + declared,
                    field(map, "on_store_down"), field(map, "allowed"), field(map, "denied"),
                    field(map, "redis_key")});
  }
  return table(rows);
}

std::string limits_json(const rategate_reply& limits) {
  std::string json = "[";
  for (std::size_t i = 0; i < limits.size; ++i) {
    const rategate_reply& map = limits.items[i];
    check_map(map);
    json += i == 0 ? "{" : ",{";
    for (std::size_t at = 0; at < map.size; at += 2) {
      if (at > 0) json += ',';
      json += json_of(map.items[at]) + ":" + json_of(map.items[at + 1]);
    }
    json += '}';
  }
  return json + "]\n";
}

std::string info_text(std::string_view info) {
  std::string text;
  while (!info.empty()) text.append(next_line(info)).append("\n");
  return text;
}

std::string info_json(std::string_view info) {
  std::string json = "{";
  bool in_section = false;
  bool first = true;
  while (!info.empty()) {
    const std::string_view line = next_line(info);
    const std::size_t colon = line.find(':');
    if (line.starts_with("# ")) {
      if (in_section) json += "},";
      json += json_string(line.substr(2)) + ":{";
      in_section = first = true;
    } else if (in_section && colon != std::string_view::npos) {
      if (!first) json += ',';
      first = false;
      json +=
          json_string(line.substr(0, colon)) + ":" + json_number_or_string(line.substr(colon + 1));
    }
  }
  return json + (in_section ? "}}\n" : "}\n");
}

}  // namespace rategate::cli
