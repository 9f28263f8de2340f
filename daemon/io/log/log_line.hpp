// How one event looks: as text, as JSON, and as the journal's fields. Pure.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "daemon/config/config.hpp"
#include "daemon/io/log/field.hpp"

namespace rategate {

// A pipe takes so much at once or nothing (PIPE_BUF), so no line is longer.
inline constexpr std::size_t kMaxLogLine = 4096;

struct LogEvent {
  std::chrono::system_clock::time_point time;
  LogLevel level;
  std::string_view name;
  std::string_view message;
  std::span<const Field> fields;
};

// One line, its line break included, of at most kMaxLogLine bytes, valid UTF-8 and without any
// other control character whatever the values hold. Fields that have no room are left out.
//   2026-01-31T10:00:00.123Z warning store_away: the store does not answer store=10.0.0.1:6379
std::string text_line(const LogEvent&);
std::string json_line(const LogEvent&);

// The journal's entry: "NAME=value" pieces, each followed by a NUL byte.
std::string journal_entry(const LogEvent&);

}  // namespace rategate
