#include "tests/sim/event_queue.hpp"

#include <algorithm>

namespace rategate::sim {

void EventQueue::at(std::int64_t us, Event event) {
  heap_.push_back({std::max(us, now_), ++order_, std::move(event)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void EventQueue::run_until(std::int64_t us) {
  while (!heap_.empty() && heap_.front().at <= us) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Planned planned = std::move(heap_.back());
    heap_.pop_back();
    now_ = std::max(now_, planned.at);
    ++happened_;
    planned.event();
  }
  now_ = std::max(now_, us);
}

}  // namespace rategate::sim
