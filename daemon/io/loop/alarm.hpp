// One moment at which the loop is to wake, by a timerfd: by the daemon's clock, to the microsecond,
// where libuv's own timers count whole milliseconds from a cached time.
#pragma once

#include <uv.h>

#include "daemon/base/time.hpp"
#include "daemon/io/loop/uv_handle.hpp"

namespace rategate {

class Alarm {
 public:
  // The loop wakes with it, and nobody is called: the turn comes with each wake.
  explicit Alarm(uv_loop_t* loop);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Rings at `when` at the latest; it may ring before, for a moment that was set earlier. That
  // spares a system call each time the moment moves away, which it does with every check.
  void set(Mono when);

 private:
  void rang();

  int fd_;
  Mono armed_ = kNever;
  UvHandle<uv_poll_t> poll_;
};

}  // namespace rategate
