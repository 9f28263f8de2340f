// The phases of the daemon's life, and what the service manager is told of them: that it is ready,
// reloads or stops, how it is, and, where a watchdog asks for that, that it is alive.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>

#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/systemd/notify.hpp"

namespace rategate {

class StatusSource {
 public:
  StatusSource() = default;
  StatusSource(const StatusSource&) = delete;
  StatusSource& operator=(const StatusSource&) = delete;
  virtual ~StatusSource() = default;

  virtual std::string status() const = 0;  // one line, as of now
};

class Lifecycle {
 public:
  Lifecycle(uv_loop_t* loop, Notify& notify, const StatusSource& source);

  bool is_starting() const { return phase_ == Phase::Starting; }
  bool is_stopping() const { return phase_ == Phase::Stopping; }

  // From here on a loop that stands still is noticed.
  void start_watchdog();
  // The start is over.
  void ready();
  void stopping();

  // What follows is told while the daemon is ready, and else left out: until it is ready, or once
  // it stops, systemd waits for nothing but the end of that.
  void status_changed();
  void reloading();
  void reloaded();

 private:
  enum class Phase : std::uint8_t { Starting, Ready, Stopping };
  void prove_alive();

  Notify& notify_;
  const StatusSource& source_;
  UvHandle<uv_timer_t> watchdog_;
  Phase phase_ = Phase::Starting;
};

}  // namespace rategate
