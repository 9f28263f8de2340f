// What the daemon tells systemd, and what systemd gave it: sd_notify, the watchdog's interval and
// the listening sockets. Without systemd every call does nothing.
//
// The constructor takes NOTIFY_SOCKET, WATCHDOG_USEC and the LISTEN_ variables out of the
// environment, so that no child inherits them; make one, early, before there are threads.
// A status or a sign of life that cannot be sent at once is lost. The changes of state (ready,
// reloading, stopping) wait for room, for at most a second: systemd acts on each of them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.hpp"

namespace rategate {

class Notify {
 public:
  Notify();
  ~Notify();
  Notify(const Notify&) = delete;
  Notify& operator=(const Notify&) = delete;

  bool active() const { return fd_ >= 0; }  // there is somebody who listens

  // A status is one line; a line break in it becomes a space.
  void ready(std::string_view status);
  void status(std::string_view text);
  void reloading();  // with MONOTONIC_USEC; ready() ends it
  void stopping();
  void watchdog();

  // How often to call watchdog(): half of what systemd asked for. nullopt: it did not ask.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return interval_; }

  // Sockets passed by socket activation, close-on-exec and non-blocking; the caller owns them.
  // Empty: none were passed. Error: one is not a listening Unix stream socket.
  Result<std::vector<int>> listen_fds() const;

 private:
  // Without READY a start fails, so it is waited for; a status or a sign of life comes again.
  enum class Loss { Harmless, Harmful };
  void send(std::string_view message, Loss);

  int fd_ = -1;
  std::optional<std::chrono::microseconds> interval_;
  int listen_count_ = 0;
};

}  // namespace rategate
