#include "daemon/core/alarms.hpp"

namespace rategate {

void Alarms::set(CounterId id, Mono at) {
  Schedule& schedule = counters_.make_schedule(counters_[id]);
  if (at >= schedule.wake) return;
  schedule.wake = at;
  queue_.push({at, id});
}

CounterId Alarms::ring(Mono now) {
  while (!queue_.empty() && queue_.top().at <= now) {
    const Alarm alarm = queue_.top();
    queue_.pop();
    // It was replaced by another one, or another counter has come to this place.
    Schedule* const schedule = counters_.schedule(counters_[alarm.counter]);
    if (schedule == nullptr || schedule->wake != alarm.at) continue;
    schedule->wake = kNever;
    return alarm.counter;
  }
  return {};
}

}  // namespace rategate
