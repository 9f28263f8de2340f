// The log: one line for each change of state, with named fields.
//
// To stderr or the journal it is written directly, and never waited for: what cannot be written at
// once is counted, and the next line that can be written is preceded by one that says how many are
// missing. A file is written by a thread of its own from a short queue, so that a slow disk does
// not hold the loop; when the queue is full its oldest line gives way and is counted.
//
// No call throws, and no call blocks. Convention: no password at any level, and no key (of a
// check) at info or above it; the callers keep to it, the log cannot know.
//
// A pipe without a reader raises SIGPIPE unless that is ignored, as the daemon does.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/log/field.hpp"
#include "daemon/io/log/log_places.hpp"

namespace rategate {

class Log {
 public:
  // Error: the file cannot be opened, or there is no journal. "auto" is the journal where stderr
  // leads there anyway, so that its entries have fields, and stderr elsewhere.
  static Result<std::unique_ptr<Log>> open(const LogConfig&, LogLevel, const LogPlaces& = {});
  ~Log();  // what the file's queue holds is written first
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `name` is the event's, fixed and of the form of a field's ("store_away"); `message` is for a
  // person. Values longer than 256 bytes and messages longer than 1024 are cut. Any thread.
  void event(LogLevel, std::string_view name, std::string_view message,
             std::initializer_list<Field> fields = {}) noexcept;

  bool enabled(LogLevel) const noexcept;  // any thread
  void set_level(LogLevel) noexcept;      // any thread

  // Opens the file anew by its name, for logrotate; else nothing. The file's thread does it next;
  // where it cannot be opened the old one stays in use, and that counts as one line missing.
  void reopen() noexcept;

  // Lines that were not written since the start.
  std::uint64_t dropped() const noexcept;

 private:
  class Impl;
  explicit Log(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rategate
