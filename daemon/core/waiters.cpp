#include "daemon/core/waiters.hpp"

namespace rategate {

WaiterId Waiters::add(Line& line, std::uint64_t ticket, std::int64_t cost, Mono deadline,
                      std::uint32_t counter) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slab_.size()));
    slab_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Waiter& waiter = slab_[slot];
  const std::uint32_t generation = waiter.generation;
  waiter = Waiter{};
  waiter.ticket = ticket;
  waiter.cost = cost;
  waiter.deadline = deadline;
  waiter.counter = counter;
  waiter.generation = generation;
  waiter.live = true;
  waiter.timed = true;

  waiter.prev = line.last;
  (line.empty() ? line.first : slab_[line.last].next) = slot;
  line.last = slot;

  waiter.sooner = deadlines_.last;
  (deadlines_.empty() ? deadlines_.first : slab_[deadlines_.last].later) = slot;
  deadlines_.last = slot;
  ++count_;
  return {slot, generation};
}

void Waiters::unlink(Line& line, std::uint32_t slot) {
  Waiter& waiter = slab_[slot];
  (waiter.prev == kNone ? line.first : slab_[waiter.prev].next) = waiter.next;
  (waiter.next == kNone ? line.last : slab_[waiter.next].prev) = waiter.prev;
  waiter.next = waiter.prev = kNone;
}

void Waiters::stop_timing(std::uint32_t slot) {
  Waiter& waiter = slab_[slot];
  if (!waiter.timed) return;
  waiter.timed = false;
  (waiter.sooner == kNone ? deadlines_.first : slab_[waiter.sooner].later) = waiter.later;
  (waiter.later == kNone ? deadlines_.last : slab_[waiter.later].sooner) = waiter.sooner;
}

void Waiters::remove(Line& line, std::uint32_t slot) {
  unlink(line, slot);
  stop_timing(slot);
  Waiter& waiter = slab_[slot];
  waiter.live = false;
  ++waiter.generation;
  --count_;
  free_.push_back(slot);
}

void Waiters::move_first(Line& from, Line& to) {
  const std::uint32_t slot = from.first;
  unlink(from, slot);
  slab_[slot].prev = to.last;
  (to.empty() ? to.first : slab_[to.last].next) = slot;
  to.last = slot;
}

void Waiters::put_before(Line& front, Line& line) {
  if (front.empty()) return;
  if (line.empty()) {
    line = front;
  } else {
    slab_[front.last].next = line.first;
    slab_[line.first].prev = front.last;
    line.first = front.first;
  }
  front = {};
}

Waiters::Waiter* Waiters::find(WaiterId id) {
  if (id.slot >= slab_.size()) return nullptr;
  Waiter& waiter = slab_[id.slot];
  return waiter.live && waiter.generation == id.generation ? &waiter : nullptr;
}

}  // namespace rategate
