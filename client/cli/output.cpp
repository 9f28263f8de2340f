#include "client/cli/output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "client/cli/json.hpp"
#include "client/cli/reply_map.hpp"

namespace rategate::cli {
namespace {

std::string json_of(const rategate_reply& value) {
  if (value.type == RATEGATE_REPLY_NIL) return "null";
  return value.type == RATEGATE_REPLY_INTEGER ? text_of(value) : json_string(text_of(value));
}

std::string field(const rategate_reply& map, std::string_view name) {
  const rategate_reply* value = find(map, name);
  return value == nullptr ? std::string() : text_of(*value);
}

void check_map(const rategate_reply& map) {
  if (field(map, "name").empty()) {
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

// The rule where it counts by that algorithm; NULL where it does not, or is not known.
const Rule* rule_of(const Verdict& verdict, std::string_view algorithm) {
  return verdict.rule && verdict.rule->algorithm == algorithm ? &*verdict.rule : nullptr;
}
const Rule* bucket(const Verdict& verdict) { return rule_of(verdict, "gcra"); }
const Rule* window(const Verdict& verdict) { return rule_of(verdict, "fixed-window"); }

// What the cost does not fit into; nothing where a bucket cannot be told from a window.
std::string size_text(const Verdict& verdict) {
  if (const Rule* rule = bucket(verdict)) return ", with a burst of " + std::to_string(rule->burst);
  if (window(verdict)) return ", with a limit of " + std::to_string(verdict.decision.limit);
  return {};
}

std::string left_text(const Verdict& verdict) {
  const Decision& decision = verdict.decision;
  const std::string left = std::to_string(decision.remaining);
  const std::string reset = ms_text(decision.reset_after);
  if (const Rule* rule = bucket(verdict)) {
    return left + " of " + std::to_string(rule->burst) + " left in the bucket, full in " + reset;
  }
  if (window(verdict)) return left + " of " + std::to_string(decision.limit) + " left for " + reset;
  // A bucket that is full; or slots, of which none comes back by itself.
  if (decision.reset_after.count() == 0) return left + " left";
  return left + " left, reset in " + reset;
}

std::string rule_json(const Rule& rule) {
  return ",\"rule\":" + json_string(rule.name) + ",\"algorithm\":" + json_string(rule.algorithm) +
         ",\"period_ms\":" + std::to_string(rule.period_ms) +
         ",\"burst\":" + std::to_string(rule.burst) + ",\"source\":" + json_string(rule.source) +
         ",\"receipt\":" + std::to_string(rule.receipt) +
         ",\"near\":" + (rule.near ? "true" : "false") +
         ",\"shadow\":" + (rule.shadow ? "true" : "false");
}

// What rules for keys that count nothing say of it.
std::string rule_text(const Verdict& verdict) {
  const std::string reason(to_text(verdict.decision.reason));
  return verdict.rule ? reason + ", by the rule for '" + verdict.rule->name + "'" : reason;
}

std::string allowed_text(const Verdict& verdict) {
  const Decision& decision = verdict.decision;
  if (verdict.rule && verdict.rule->shadow) {
    return "a shadow limit, which would deny it: " + std::string(to_text(decision.reason));
  }
  if (decision.reason == Reason::Unlimited) return rule_text(verdict);
  // Slots that the store was not asked for.
  const bool is_guess = decision.remaining < 0 && decision.reason == Reason::Counted;
  if (is_guess) return "as far as the daemon knows without asking the store";
  if (decision.remaining < 0) return std::string(to_text(decision.reason));
  return left_text(verdict) + (verdict.rule && verdict.rule->near ? ", near the limit" : "");
}

// How many rules for keys a limit has; older daemons do not tell.
std::string rules_text(const std::string& count) {
  if (count.empty() || count == "0") return {};
  return " (" + count + (count == "1" ? " rule)" : " rules)");
}

}  // namespace

std::string harmless(std::string shown) {
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return shown;
}

void complain(std::string text) {
  std::fprintf(stderr, "rategate: %s\n", harmless(std::move(text)).c_str());
}

std::string ms_text(milliseconds ms) {
  const std::string number = std::to_string(ms.count());
  if (ms.count() < 10'000) return number + " ms";
  return std::to_string((ms.count() + 999) / 1000) + " s";
}

std::string verdict_text(const Verdict& verdict) {
  const Decision& decision = verdict.decision;
  const std::string reason(to_text(decision.reason));
  if (!decision.allowed) {
    const bool by_rule = decision.reason == Reason::Blocked && decision.limit == 0;
    if (by_rule) return "denied: " + rule_text(verdict) + "\n";
    if (decision.retry_after.count() < 0) return "denied: " + reason + size_text(verdict) + "\n";
    return "denied: " + reason + ", try again in " + ms_text(decision.retry_after) + "\n";
  }
  return "allowed: " + allowed_text(verdict) + "\n";
}

std::string verdict_json(const Verdict& verdict) {
  const Decision& decision = verdict.decision;
  return "{\"allowed\":" + std::string(decision.allowed ? "true" : "false") +
         ",\"limit\":" + std::to_string(decision.limit) +
         ",\"remaining\":" + std::to_string(decision.remaining) +
         ",\"retry_after_ms\":" + std::to_string(decision.retry_after.count()) +
         ",\"reset_after_ms\":" + std::to_string(decision.reset_after.count()) +
         ",\"reason\":" + std::to_string(static_cast<int>(decision.reason)) +
         ",\"reason_text\":" + json_string(to_text(decision.reason)) +
         (verdict.rule ? rule_json(*verdict.rule) : "") + "}\n";
}

std::string named_json(const Named& named) {
  return "{\"name\":" + json_string(named.limit) + "," +
         verdict_json({named.decision, {}}).substr(1);
}

std::string settled_text(std::int64_t back) {
  if (back == 0) return "nothing came back\n";
  const std::string count = std::to_string(back > 0 ? back : -back);
  return count + (back > 0 ? " came back\n" : " more were charged\n");
}

std::string settled_json(std::int64_t back) { return "{\"back\":" + std::to_string(back) + "}\n"; }

std::string cleared_text(std::int64_t held) {
  return held == 0 ? "there was nothing to clear\n" : std::to_string(held) + " were cleared\n";
}

std::string cleared_json(std::int64_t held) {
  return "{\"cleared\":" + std::to_string(held) + "}\n";
}

std::string reloaded_text(const std::string& limits, const std::string& waiting) {
  std::string text = "the configuration is loaded anew; limits: " + limits + "\n";
  if (!waiting.empty()) text += "changed, and waiting for a restart: " + waiting + "\n";
  return text;
}

std::string reloaded_json(const std::string& limits, const std::string& waiting) {
  return "{\"limits\":" + limits + ",\"needs_restart\":" + json_string(waiting) + "}\n";
}

std::string pong_text(std::string_view socket_path, std::chrono::microseconds took) {
  char line[64];
  std::snprintf(line, sizeof line, " in %.2f ms\n", static_cast<double>(took.count()) / 1000);
  return "PONG from " + std::string(socket_path) + line;
}

std::string pong_json(std::string_view socket_path, std::chrono::microseconds took) {
  return "{\"ok\":true,\"socket\":" + json_string(socket_path) +
         ",\"round_trip_us\":" + std::to_string(took.count()) + "}\n";
}

std::string entry_json(const Decision& decision, const std::string& ticket) {
  return "{\"entered\":" + std::string(decision.allowed ? "true" : "false") +
         ",\"limit\":" + std::to_string(decision.limit) +
         ",\"remaining\":" + std::to_string(decision.remaining) +
         ",\"retry_after_ms\":" + std::to_string(decision.retry_after.count()) +
         (ticket.empty() ? "" : ",\"ticket\":" + ticket) + "}\n";
}

std::string ticket_text(std::string_view done, bool known) {
  if (known) return std::string(done) + "\n";
  return "nobody has entered by that ticket: its time is over, or it has left\n";
}

std::string ticket_json(std::string_view done, bool known) {
  return "{\"" + std::string(done) + "\":" + (known ? "true" : "false") + "}\n";
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
    std::string rate = field(map, "limit");
    if (field(map, "algorithm") == "concurrency") {
      rate += " at a time";
    } else {
      rate.append("/").append(field(map, "period"));
    }
    if (field(map, "declared") == "1") rate += " (declared)";
    if (field(map, "shadow") == "1") rate += " (shadow)";
    rate += rules_text(field(map, "key_rules"));
    rows.push_back({field(map, "name"), rate, field(map, "on_store_down"), field(map, "allowed"),
                    field(map, "denied"), field(map, "redis_key")});
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
