#include "daemon/core/waiting_room.hpp"

namespace rategate {

CheckResult WaitingRoom::join(CounterId id, const Request& request, Mono deadline) {
  Waiter waiter;
  waiter.ticket = request.ticket;
  waiter.cost = request.cost;
  waiter.deadline = deadline;
  waiter.counter = id;
  waiter.flow = request.flow;
  CheckResult result;
  result.waits = true;
  result.waiter = waiters_.add(counters_.make_line(id).due, waiter);
  return result;
}

void WaitingRoom::abandon(WaiterId id) {
  Waiter* const waiter = waiters_.find(id);
  if (waiter == nullptr || waiter->gone) return;
  ++stats_.checks_abandoned;
  if (waiter->asked) {
    waiter->gone = true;
    return;
  }
  const CounterId counter = waiter->counter;
  waiters_.remove(counters_.make_line(counter).due, id.place);
  tidy(counter);
}

void WaitingRoom::queue(CounterId id) {
  Counter& counter = counters_[id];
  Line* const line = counters_.line(counter);
  if (line == nullptr || line->due.empty() || line->reservation != 0) return;
  if (line->aside) take_out(id);  // somebody has come who has time
  if (line->is_queued()) return;
  shards_[counter.shard.value].lines.push(counters_.lines(), counter.line,
                                          waiters_[line->due.first].flow);
}

void WaitingRoom::set_aside(CounterId id) {
  Counter& counter = counters_[id];
  Line& line = *counters_.line(counter);
  line.aside = true;
  shards_[counter.shard.value].aside.push(counters_.lines(), counter.line,
                                          waiters_[line.due.first].flow);
}

void WaitingRoom::tidy(CounterId id) {
  Counter& counter = counters_[id];
  Line* const line = counters_.line(counter);
  if (line == nullptr) return;
  if (line->due.empty()) take_out(id);
  counters_.ended_line(counter);
}

void WaitingRoom::take_out(CounterId id) {
  const Counter& counter = counters_[id];
  Line* const line = counters_.line(counters_[id]);
  if (line == nullptr || !line->is_queued()) return;
  Shard& shard = shards_[counter.shard.value];
  (line->aside ? shard.aside : shard.lines).remove(counters_.lines(), counter.line);
  line->aside = false;
}

void WaitingRoom::begin_reservation(const Line& line) {
  shards_[line.shard.value].lines.asked(line.flow);
}

void WaitingRoom::end_reservation(Line& line) {
  if (line.is_asked_for_client()) shards_[line.shard.value].lines.answered(line.flow);
  line.reservation = 0;
}

void WaitingRoom::due_again(Line& line) {
  end_reservation(line);
  for (WaiterPlace at = line.asked.first; !at.is_none();) {
    const WaiterPlace next = waiters_[at].next;
    waiters_[at].asked = false;
    if (waiters_[at].gone) waiters_.remove(line.asked, at);
    at = next;
  }
  waiters_.put_before(line.asked, line.due);
}

void WaitingRoom::tell(const Counter& counter, std::uint64_t ticket, const CheckResult& result) {
  answers_.push_back({ticket, result.verdict, result.decision,
                      result.verdict == Verdict::StoreDown ? counter.use->limit : nullptr});
}

void WaitingRoom::answer(const Counter& counter, Waiters::List& list, WaiterPlace place,
                         const CheckResult& result) {
  const Waiter& waiter = waiters_[place];
  if (!waiter.gone) tell(counter, waiter.ticket, result);
  waiters_.remove(list, place);
}

void WaitingRoom::expire(Mono now) {
  while (!waiters_.soonest().is_none()) {
    const WaiterPlace place = waiters_.soonest();
    if (waiters_[place].deadline > now) break;
    expire_one(place, now);
  }
}

// A check that is part of a reservation keeps its place, so that the grants of those behind it
// stay theirs; it has its answer, and will get no other.
void WaitingRoom::expire_one(WaiterPlace place, Mono now) {
  Waiter& waiter = waiters_[place];
  const CounterId id = waiter.counter;
  const Counter& counter = counters_[id];
  if (!waiter.asked) {
    Shard& shard = shards_[counter.shard.value];
    if (!waiter.ever_asked && shard.health.is_up()) {
      ++shard.not_asked;
      ++stats_.checks_not_asked;
    }
    answer(counter, counters_.make_line(id).due, place,
           decider_.by_policy(counter, waiter.cost, now));
    tidy(id);
    return;
  }
  waiters_.stop_timing(place);
  if (waiter.gone) return;
  waiter.gone = true;
  tell(counter, waiter.ticket, decider_.by_policy(counter, waiter.cost, now));
}

}  // namespace rategate
