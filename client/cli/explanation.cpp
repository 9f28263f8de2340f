#include "client/cli/explanation.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <rategate/rategate.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "client/cli/json.hpp"
#include "client/cli/output.hpp"
#include "client/cli/reply_map.hpp"

namespace rategate::cli {
namespace {

// What check --json has as true and false.
constexpr std::array<std::string_view, 5> kFlags{"allowed", "near", "shadow", "slot", "known"};

// A name and what there is to say of it, one below the other.
using Lines = std::vector<std::pair<std::string, std::string>>;

const rategate_reply& field(const rategate_reply& map, std::string_view name) {
  const rategate_reply* const value = find(map, name);
  if (value == nullptr) {
    throw Refused(-EPROTO, "EXPLAIN was answered with something else than an explanation");
  }
  return *value;
}

std::string text(const rategate_reply& map, std::string_view name) {
  return text_of(field(map, name));
}

// Nothing where it is not known.
std::optional<std::int64_t> number(const rategate_reply& map, std::string_view name) {
  const rategate_reply& value = field(map, name);
  if (value.type != RATEGATE_REPLY_INTEGER) return std::nullopt;
  return value.integer;
}
std::int64_t number_or(const rategate_reply& map, std::string_view name, std::int64_t otherwise) {
  return number(map, name).value_or(otherwise);
}

std::string span(std::int64_t ms) { return ms_text(milliseconds(ms)); }

std::string moment(std::int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  std::array<char, 32> shown{};
  gmtime_r(&seconds, &parts);
  const std::size_t size = std::strftime(shown.data(), shown.size(), "%F %T UTC", &parts);
  return {shown.data(), size};
}

std::string rule_text(const rategate_reply& limit) {
  const std::string kind = text(limit, "rule_kind");
  const std::string counts = text(limit, "counts");
  if (kind == "none") return {};
  const std::string rule =
      "'" + text(limit, "rule") + "', " + (kind == "exact" ? "for this key alone" : "a pattern");
  return counts == "counted" ? rule : rule + ": " + counts;
}

std::string window_text(const rategate_reply& counter, std::optional<std::int64_t> now_ms) {
  const auto start_ms = number(counter, "window_start_ms");
  const auto end_ms = number(counter, "window_end_ms");
  if (!start_ms || !end_ms) return {};
  std::string window = moment(*start_ms) + " to " + moment(*end_ms);
  if (const auto opens_in_ms = number(counter, "opens_in_ms")) {
    window += ", opens in " + span(*opens_in_ms);
  } else if (now_ms) {
    window += ", ends in " + span(std::max<std::int64_t>(0, *end_ms - *now_ms));
  }
  return window;
}

std::string known_text(const rategate_reply& counter) {
  const auto left = number(counter, "left");
  std::string known = left ? std::to_string(*left) + " left in the store"
                           : std::string("nothing: the store has not told of it yet");
  if (const auto told_ms_ago = number(counter, "told_ms_ago")) {
    known += ", told " + span(*told_ms_ago) + " ago";
  }
  const auto fits_in_ms = number(counter, "fits_in_ms");
  if (fits_in_ms)
    known += *fits_in_ms > 0 ? ", the cost fits in " + span(*fits_in_ms) : ", it fits";
  const auto full_in_ms = number(counter, "full_in_ms");
  if (fits_in_ms && full_in_ms) known += ", all is back in " + span(*full_in_ms);
  const auto blocked_ms = number(counter, "blocked_ms");
  if (blocked_ms) known += "; blocked for " + span(*blocked_ms);
  const std::string state = text(counter, "state");
  return state == "open" ? known : known + "; " + state;
}

std::string held_text(const rategate_reply& counter, std::optional<std::int64_t> now_ms) {
  const std::int64_t shown = number_or(counter, "shown", 0);
  const std::int64_t kept = number_or(counter, "kept", 0);
  const std::int64_t ahead = number_or(counter, "ahead", 0);
  std::string held = std::to_string(shown + kept) + ": " + std::to_string(shown) +
                     " in shared memory, " + std::to_string(kept) + " in the daemon";
  if (shown + kept == 0) held = "nothing";
  if (number_or(counter, "slot", 0) == 1) held += " (it has a slot)";
  const auto end_ms = number(counter, "held_last_end_ms");
  if (end_ms && now_ms && *end_ms > *now_ms) held += ", good for " + span(*end_ms - *now_ms);
  if (ahead > 0) held += ", and " + std::to_string(ahead) + " for the next window";
  return held;
}

// Older daemons explain no limit of concurrency, and tell nothing of it.
bool is_hold(const rategate_reply& counter) {
  const rategate_reply* const entered = find(counter, "entered");
  return entered != nullptr && entered->type == RATEGATE_REPLY_INTEGER;
}

// Of a limit of concurrency: what other hosts have, as this one knows it.
std::string others_text(const rategate_reply& counter) {
  if (number_or(counter, "known", 0) == 0) {
    return "nothing: nobody has entered on this host lately";
  }
  const auto others = number(counter, "others");
  if (!others) return "nothing: the store has not told of it yet";
  std::string known = std::to_string(number_or(counter, "left", 0)) + " left, " +
                      std::to_string(*others) + " held by other hosts, told " +
                      span(number_or(counter, "told_ms_ago", 0)) + " ago";
  if (const auto share = number(counter, "share")) {
    known += "; others need some, so " + std::to_string(*share) + " is the share of this host";
  }
  if (const auto restrained_ms = number(counter, "restrained_ms")) {
    known += "; what hosts held may be lost, for " + span(*restrained_ms);
  }
  return known;
}

// And what this host has.
std::string hold_text(const rategate_reply& counter) {
  const std::int64_t kept = number_or(counter, "kept", 0);
  const std::int64_t usable = number_or(counter, "usable", 0);
  std::string held = std::to_string(number_or(counter, "entered", 0)) + " entered, " +
                     std::to_string(kept) + " held";
  if (usable < kept) held += ", " + std::to_string(usable) + " of them usable";
  const auto good_ms = number(counter, "good_ms");
  return good_ms ? held + ", good for " + span(*good_ms) : held;
}

std::string entry_line_text(const rategate_reply& counter) {
  const std::int64_t waiting = number_or(counter, "waiting", 0);
  if (waiting == 0) return "nobody waits";
  return std::to_string(waiting) + (waiting == 1 ? " waits" : " wait") + " in ENTER, " +
         std::to_string(number_or(counter, "acquiring", 0)) + " with a TIMEOUT";
}

std::string asked_text(const rategate_reply& counter) {
  const auto asked_in_ms = number(counter, "asked_in_ms");
  if (!asked_in_ms) return {};
  return *asked_in_ms == 0 ? ", it is being asked" : ", asked in " + span(*asked_in_ms);
}

std::string line_text(const rategate_reply& counter) {
  const std::int64_t waiting = number_or(counter, "waiting", 0);
  if (waiting == 0) return "nobody waits";
  const std::int64_t acquiring = number_or(counter, "acquiring", 0);
  return std::to_string(waiting) + (waiting == 1 ? " check waits" : " checks wait") +
         (acquiring > 0 ? ", " + std::to_string(acquiring) + " in ACQUIRE" : "");
}

// Who waits for all of its limits; nothing where there is one, or an older daemon does not tell.
std::string combined_line_text(const rategate_reply& explanation) {
  const rategate_reply* const acquiring = find(explanation, "acquiring");
  if (acquiring == nullptr || field(explanation, "limits").size < 2) return {};
  const std::string count = text_of(*acquiring);
  const std::string who = count == "0"   ? "nobody waits"
                          : count == "1" ? "1 waits"
                                         : count + " wait";
  return "line: " + who + " in ACQUIRE for all of these limits\n";
}

void add_counter(const rategate_reply& counter, std::optional<std::int64_t> now_ms, Lines& lines) {
  const auto shard = number(counter, "shard");
  std::string name = text(counter, "counter");
  if (name.empty()) name = "not known without the store's clock";
  lines.emplace_back("counter", name + (shard ? " in shard " + std::to_string(*shard) : ""));
  const std::string store = text(counter, "store") + ", its clock is " + text(counter, "clock");
  if (is_hold(counter)) {
    lines.emplace_back("known", others_text(counter));
    lines.emplace_back("held here", hold_text(counter));
    lines.emplace_back("line", entry_line_text(counter));
    lines.emplace_back("store", store + asked_text(counter));
    return;
  }
  lines.emplace_back("window", window_text(counter, now_ms));
  lines.emplace_back("known", known_text(counter));
  lines.emplace_back("held here", held_text(counter, now_ms));
  lines.emplace_back("line", line_text(counter));
  lines.emplace_back("store", store);
}

std::string rate_text(const rategate_reply& limit) {
  const std::string permits = text(limit, "permits");
  if (text(limit, "algorithm") == "concurrency") {
    return permits + " at a time, a hold lasts for " + text(limit, "period");
  }
  return permits + " per " + text(limit, "period");
}

Lines lines_of(const rategate_reply& limit, std::optional<std::int64_t> now_ms) {
  std::string how = text(limit, "algorithm");
  if (how == "gcra") how += " with a burst of " + text(limit, "burst");
  if (number_or(limit, "shadow", 0) == 1) how += ", a shadow";
  Lines lines{{"limit", text(limit, "name") + ", " + rate_text(limit) + ", " + how},
              {"key", text(limit, "key")},
              {"cost", text(limit, "cost")},
              {"rule", rule_text(limit)},
              {"mode", text(limit, "mode") + " (" + text(limit, "mode_why") + ")"}};
  const rategate_reply& counters = field(limit, "counters");
  for (std::size_t i = 0; i < counters.size; ++i) add_counter(counters.items[i], now_ms, lines);
  lines.emplace_back("store down", text(limit, "on_store_down"));
  return lines;
}

// Those that say nothing are left out.
std::string aligned(const Lines& lines) {
  std::size_t width = 0;
  for (const auto& [name, value] : lines) width = std::max(width, name.size());
  std::string shown;
  for (const auto& [name, value] : lines) {
    if (value.empty()) continue;
    shown.append(name).append(width + 2 - name.size(), ' ').append(harmless(value)).append("\n");
  }
  return shown;
}

std::string value_json(std::string_view name, const rategate_reply& value);

std::string map_json(const rategate_reply& map) {
  std::string json = "{";
  for (std::size_t at = 0; at + 1 < map.size; at += 2) {
    const std::string name = text_of(map.items[at]);
    json.append(at > 0 ? "," : "").append(json_string(name)).append(":");
    json += value_json(name, map.items[at + 1]);
  }
  return json + "}";
}

// Its arrays are of maps.
std::string value_json(std::string_view name, const rategate_reply& value) {
  if (value.type == RATEGATE_REPLY_NIL) return "null";
  if (value.type == RATEGATE_REPLY_INTEGER) {
    const bool is_flag = std::find(kFlags.begin(), kFlags.end(), name) != kFlags.end();
    if (is_flag) return value.integer != 0 ? "true" : "false";
    return text_of(value);
  }
  if (value.type != RATEGATE_REPLY_ARRAY) return json_string(text_of(value));
  std::string json = "[";
  for (std::size_t i = 0; i < value.size; ++i) {
    json.append(i > 0 ? "," : "").append(map_json(value.items[i]));
  }
  return json + "]";
}

}  // namespace

Explained verdict_of(const rategate_reply& explanation) {
  const std::string verdict = text(explanation, "verdict");
  if (verdict == "allowed") return Explained::Allowed;
  return verdict == "denied" ? Explained::Denied : Explained::Undecided;
}

std::string explanation_text(const rategate_reply& explanation) {
  std::string shown = harmless(text(explanation, "why")) + "\n" +
                      "then: " + harmless(text(explanation, "next")) + "\n" +
                      combined_line_text(explanation);
  const auto now_ms = number(explanation, "now_ms");
  const auto decides = static_cast<std::size_t>(number_or(explanation, "decides", 0));
  const rategate_reply& limits = field(explanation, "limits");
  for (std::size_t i = 0; i < limits.size; ++i) {
    const rategate_reply& limit = limits.items[i];
    shown += "\n";
    if (limits.size > 1) {
      shown += std::to_string(i + 1) + " of " + std::to_string(limits.size) +
               (i == decides ? ", which decides: " : ": ") + harmless(text(limit, "why")) + "\n";
    }
    shown += aligned(lines_of(limit, now_ms));
  }
  return shown;
}

std::string explanation_json(const rategate_reply& explanation) {
  return map_json(explanation) + "\n";
}

}  // namespace rategate::cli
