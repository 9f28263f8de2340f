#include "daemon/app/lifecycle.hpp"

namespace rategate {

Lifecycle::Lifecycle(uv_loop_t* loop, Notify& notify, const StatusSource& source)
    : notify_(notify), source_(source) {
  uv_timer_init(loop, watchdog_.get());
  watchdog_.opened(this);
}

void Lifecycle::start_watchdog() {
  const auto interval = notify_.watchdog_interval();
  if (!interval) return;
  const auto ms = static_cast<std::uint64_t>(interval->count() / 1000);
  uv_timer_start(
      watchdog_.get(),
      [](uv_timer_t* timer) { static_cast<Lifecycle*>(timer->data)->prove_alive(); }, ms, ms);
}

// A drain that takes its time is alive as well.
void Lifecycle::prove_alive() {
  notify_.watchdog();
  status_changed();
}

void Lifecycle::ready() {
  phase_ = Phase::Ready;
  notify_.ready(source_.status());
}

void Lifecycle::stopping() {
  phase_ = Phase::Stopping;
  notify_.stopping();
}

void Lifecycle::status_changed() {
  if (phase_ == Phase::Ready) notify_.status(source_.status());
}

void Lifecycle::reloading() {
  if (phase_ == Phase::Ready) notify_.reloading();
}

void Lifecycle::reloaded() {
  if (phase_ == Phase::Ready) notify_.ready(source_.status());
}

}  // namespace rategate
