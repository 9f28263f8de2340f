#include "daemon/io/log/log_line.hpp"

#include <cstdio>
#include <ctime>

namespace rategate {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxMessage = 1024;  // as written, escapes included
constexpr std::size_t kMaxValue = 256;
constexpr std::size_t kMaxField = kMaxName + kMaxValue + 16;  // with what is around it
constexpr std::string_view kCut = "...";

enum class Style { Text, Json, Journal };

// How many bytes the UTF-8 character at the start of `text` has; 0: it is not one.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

std::string hex(unsigned char byte, std::string_view prefix) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(prefix);
  text += kDigits[byte >> 4];
  text += kDigits[byte & 15];
  return text;
}

// One character as the style writes it; `length` 0: a byte that is none.
std::string written(std::string_view text, std::size_t length, Style style) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (length == 0) return style == Style::Json ? "\\ufffd" : hex(byte, "\\x");
  if (byte < ' ' || byte == 0x7f) return hex(byte, style == Style::Json ? "\\u00" : "\\x");
  std::string as_is(text.substr(0, length));
  return style != Style::Journal && (byte == '"' || byte == '\\') ? "\\" + as_is : as_is;
}

// Appends at most `most` bytes, ending in dots where that was not all.
void append(std::string& out, std::string_view text, Style style, std::size_t most) {
  const std::size_t start = out.size();
  std::size_t fits = start;  // how far it may be cut back to make room for the dots
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string next = written(text, length, style);
    if (out.size() - start + next.size() > most) {
      out.resize(fits);
      out += kCut;
      return;
    }
    out += next;
    if (out.size() - start + kCut.size() <= most) fits = out.size();
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void append_value(std::string& out, const Field& field, Style style) {
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    out += std::to_string(*number);
  } else if (const auto* truth = std::get_if<bool>(&field.value)) {
    out += *truth ? "true" : "false";
  } else {
    const auto text = std::get<std::string_view>(field.value);
    const bool quotes = style == Style::Json || (style == Style::Text && needs_quotes(text));
    if (quotes) out += '"';
    append(out, text, style, kMaxValue);
    if (quotes) out += '"';
  }
}

void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  using std::chrono::duration_cast;
  const auto ms = duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  out.append(text, length);
  std::snprintf(text, sizeof text, ".%03dZ", static_cast<int>(ms % 1000));
  out += text;
}

bool has_room(const std::string& out) { return out.size() + kMaxField + 4 <= kMaxLogLine; }

int priority(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return 7;
    case LogLevel::Info:
      return 6;
    case LogLevel::Warning:
      return 4;
    case LogLevel::Error:
      return 3;
  }
  return 3;
}

void append_text_fields(std::string& out, const LogEvent& event) {
  for (const Field& field : event.fields) {
    if (!has_room(out)) return;
    out += ' ';
    append(out, field.name, Style::Text, kMaxName);
    out += '=';
    append_value(out, field, Style::Text);
  }
}

}  // namespace

std::string text_line(const LogEvent& event) {
  std::string out;
  append_time(out, event.time);
  out += ' ';
  out += to_text(event.level);
  out += ' ';
  append(out, event.name, Style::Text, kMaxName);
  out += ": ";
  append(out, event.message, Style::Text, kMaxMessage);
  append_text_fields(out, event);
  return out += '\n';
}

std::string json_line(const LogEvent& event) {
  std::string out = "{\"time\":\"";
  append_time(out, event.time);
  out += "\",\"level\":\"";
  out += to_text(event.level);
  out += "\",\"event\":\"";
  append(out, event.name, Style::Json, kMaxName);
  out += "\",\"message\":\"";
  append(out, event.message, Style::Json, kMaxMessage);
  out += '"';
  for (const Field& field : event.fields) {
    if (!has_room(out)) break;
    out += ",\"";
    append(out, field.name, Style::Json, kMaxName);
    out += "\":";
    append_value(out, field, Style::Json);
  }
  return out += "}\n";
}

// A person who reads `journalctl` sees the message alone, so the fields stand there as well.
std::string journal_entry(const LogEvent& event) {
  std::string out = "MESSAGE=";
  append(out, event.message, Style::Journal, kMaxMessage);
  append_text_fields(out, event);
  out += '\0';
  out += "PRIORITY=" + std::to_string(priority(event.level)) + '\0';
  out += "SYSLOG_IDENTIFIER=rategated";
  out += '\0';
  out += "RATEGATE_EVENT=";
  append(out, event.name, Style::Journal, kMaxName);
  out += '\0';
  for (const Field& field : event.fields) {
    out += "RATEGATE_";
    for (const char c : field.name.substr(0, kMaxName - 9)) {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    out += '=';
    append_value(out, field, Style::Journal);
    out += '\0';
  }
  return out;
}

}  // namespace rategate
