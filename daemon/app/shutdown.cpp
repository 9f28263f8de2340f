#include "daemon/app/shutdown.hpp"

#include <algorithm>
#include <utility>

namespace rategate {
namespace {

// How long checks may wait for the store once the daemon stops, whatever their time-out is, and how
// long clients may take after that to read their answers.
constexpr std::int64_t kMostAnswersMs = 2000;
constexpr std::int64_t kWritesMs = 2000;

}  // namespace

Shutdown::Shutdown(uv_loop_t* loop, std::int64_t answers_ms, Engine& engine, Server& server,
                   Log& log)
    : loop_(loop),
      answers_ms_(std::min(answers_ms, kMostAnswersMs)),
      engine_(engine),
      server_(server),
      log_(log) {
  uv_timer_init(loop, patience_.get());
  patience_.opened(this);
}

void Shutdown::begin() {
  log_.event(LogLevel::Info, "stopping", "rategated stops: it answers what has arrived",
             {{"clients", server_.clients_count()}, {"waiting", engine_.gate().waiting()}});
  wait(answers_ms_,
       [](uv_timer_t* timer) { static_cast<Shutdown*>(timer->data)->give_up_waiting(); });
  server_.drain(*this);
}

void Shutdown::wait(std::int64_t ms, uv_timer_cb then) {
  uv_update_time(loop_);
  uv_timer_start(patience_.get(), then, static_cast<std::uint64_t>(ms), 0);
}

void Shutdown::give_up_waiting() {
  wait(kWritesMs, [](uv_timer_t* timer) { static_cast<Shutdown*>(timer->data)->end(); });
  engine_.stop();
}

void Shutdown::end() {
  if (std::exchange(ended_, true)) return;
  log_.event(LogLevel::Info, "stopped", "rategated has stopped",
             {{"unwritten_clients", server_.clients_count()}});
  engine_.stop();
  uv_stop(loop_);
}

}  // namespace rategate
