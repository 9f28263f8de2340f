// The signals that ask the daemon for something.
#pragma once

#include <uv.h>

#include "daemon/io/loop/uv_handle.hpp"

namespace rategate {

class SignalEvents {
 public:
  SignalEvents() = default;
  SignalEvents(const SignalEvents&) = delete;
  SignalEvents& operator=(const SignalEvents&) = delete;
  virtual ~SignalEvents() = default;

  virtual void stop_asked() = 0;    // SIGTERM, SIGINT
  virtual void reload_asked() = 0;  // SIGHUP
};

class Signals {
 public:
  // Told from the loop, from now on until this goes.
  Signals(uv_loop_t* loop, SignalEvents& events);

 private:
  void watch(uv_loop_t* loop, UvHandle<uv_signal_t>& handle, int number);
  void came(int number);

  SignalEvents& events_;
  UvHandle<uv_signal_t> terminate_;
  UvHandle<uv_signal_t> interrupt_;
  UvHandle<uv_signal_t> hang_up_;
};

}  // namespace rategate
