#include "daemon/core/waiters.hpp"

namespace rategate {

WaiterId Waiters::add(List& list, const Waiter& waiter) {
  if (free_.empty()) {
    free_.push_back({static_cast<std::uint32_t>(slab_.size())});
    slab_.emplace_back();
  }
  const WaiterPlace place = free_.back();
  free_.pop_back();
  Waiter& added = (*this)[place];
  const std::uint32_t generation = added.generation;
  added = waiter;
  added.generation = generation;
  added.live = true;
  link(list, place);
  start_timing(place, waiter.deadline);
  ++count_;
  return {place, generation};
}

void Waiters::start_timing(WaiterPlace place, Mono deadline) {
  Waiter& waiter = (*this)[place];
  waiter.deadline = deadline;
  waiter.timed = true;
  waiter.later = {};
  waiter.sooner = deadlines_.last;
  (deadlines_.empty() ? deadlines_.first : (*this)[deadlines_.last].later) = place;
  deadlines_.last = place;
}

void Waiters::link(List& list, WaiterPlace place) {
  Waiter& waiter = (*this)[place];
  waiter.next = {};
  waiter.prev = list.last;
  (list.empty() ? list.first : (*this)[list.last].next) = place;
  list.last = place;
}

void Waiters::unlink(List& list, WaiterPlace place) {
  Waiter& waiter = (*this)[place];
  (waiter.prev.is_none() ? list.first : (*this)[waiter.prev].next) = waiter.next;
  (waiter.next.is_none() ? list.last : (*this)[waiter.next].prev) = waiter.prev;
  waiter.next = waiter.prev = {};
}

void Waiters::stop_timing(WaiterPlace place) {
  Waiter& waiter = (*this)[place];
  if (!waiter.timed) return;
  waiter.timed = false;
  (waiter.sooner.is_none() ? deadlines_.first : (*this)[waiter.sooner].later) = waiter.later;
  (waiter.later.is_none() ? deadlines_.last : (*this)[waiter.later].sooner) = waiter.sooner;
}

void Waiters::remove(List& list, WaiterPlace place) {
  unlink(list, place);
  stop_timing(place);
  Waiter& waiter = (*this)[place];
  waiter.live = false;
  ++waiter.generation;
  --count_;
  free_.push_back(place);
}

void Waiters::move_run(List& from, const List& run, List& to) {
  Waiter& first = (*this)[run.first];
  Waiter& last = (*this)[run.last];
  (first.prev.is_none() ? from.first : (*this)[first.prev].next) = last.next;
  (last.next.is_none() ? from.last : (*this)[last.next].prev) = first.prev;
  first.prev = to.last;
  last.next = {};
  (to.empty() ? to.first : (*this)[to.last].next) = run.first;
  to.last = run.last;
}

void Waiters::put_before(List& front, List& list) {
  if (front.empty()) return;
  if (list.empty()) {
    list = front;
  } else {
    (*this)[front.last].next = list.first;
    (*this)[list.first].prev = front.last;
    list.first = front.first;
  }
  front = {};
}

void Waiters::merge(List& some, List& list) {
  List merged;
  while (!some.empty() && !list.empty()) {
    if ((*this)[some.last].arrival < (*this)[list.first].arrival) break;
    List& sooner = (*this)[some.first].arrival < (*this)[list.first].arrival ? some : list;
    move(sooner, sooner.first, merged);
  }
  put_before(some, list);
  put_before(merged, list);
}

Waiter* Waiters::find(WaiterId id) {
  if (id.place.value >= slab_.size()) return nullptr;
  Waiter& waiter = (*this)[id.place];
  return waiter.live && waiter.generation == id.generation ? &waiter : nullptr;
}

}  // namespace rategate
