// The end of the daemon, in an order that loses no answer that is owed: it accepts nobody any more
// and answers what has arrived; then it gives up the checks that still wait for the store; then it
// leaves unwritten what nobody reads. Each step ends early when nothing is left to do.
#pragma once

#include <uv.h>

#include <cstdint>

#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/sessions/server.hpp"

namespace rategate {

class Shutdown final : private SessionsEvents {
 public:
  // `answers_ms`: for how long the store may take for an answer.
  Shutdown(uv_loop_t* loop, std::int64_t answers_ms, Engine& engine, Server& server, Log& log);

  // The loop is stopped once all is done.
  void begin();

 private:
  void drained() override { end(); }
  void wait(std::int64_t ms, uv_timer_cb then);
  void give_up_waiting();
  void end();

  uv_loop_t* loop_;
  const std::int64_t answers_ms_;
  Engine& engine_;
  Server& server_;
  Log& log_;
  UvHandle<uv_timer_t> patience_;
  bool ended_ = false;
};

}  // namespace rategate
