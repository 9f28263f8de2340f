#include "daemon/app/signals.hpp"

#include <csignal>

#include "daemon/os/inheritance.hpp"

namespace rategate {

Signals::Signals(uv_loop_t* loop, SignalEvents& events) : events_(events) {
  watch(loop, terminate_, SIGTERM);
  watch(loop, interrupt_, SIGINT);
  watch(loop, hang_up_, SIGHUP);
  take_signals({SIGTERM, SIGINT, SIGHUP});
}

void Signals::watch(uv_loop_t* loop, UvHandle<uv_signal_t>& handle, int number) {
  uv_signal_init(loop, handle.get());
  handle.opened(this);
  uv_signal_start(
      handle.get(),
      [](uv_signal_t* signal, int came) { static_cast<Signals*>(signal->data)->came(came); },
      number);
}

void Signals::came(int number) {
  if (number == SIGHUP) {
    events_.reload_asked();
  } else {
    events_.stop_asked();
  }
}

}  // namespace rategate
