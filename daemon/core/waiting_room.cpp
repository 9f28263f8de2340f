#include "daemon/core/waiting_room.hpp"

namespace rategate {

Waiter WaitingRoom::waiter_of(CounterId id, const Request& request) {
  Waiter waiter;
  waiter.ticket = request.ticket;
  waiter.ask = request.ask;
  waiter.deadline = request.patience;
  waiter.counter = id;
  waiter.flow = request.flow;
  waiter.telling = request.telling;
  waiter.is_member = request.is_member;
  waiter.patience = request.patience;
  return waiter;
}

CheckResult WaitingRoom::join(CounterId id, const Request& request, Mono deadline) {
  Waiter waiter = waiter_of(id, request);
  waiter.deadline = deadline;
  Line& line = counters_.make_line(id);
  return add(line, line.due, waiter, request.patience.us > 0 ? Stands::Asking : Stands::Nowhere);
}

CheckResult WaitingRoom::add(Line& line, Waiters::List& list, const Waiter& waiter, Stands stands) {
  CheckResult result;
  result.waits = true;
  result.waiter = waiters_.add(list, waiter);
  if (stands == Stands::Nowhere) return result;
  stand(line, result.waiter.place, stands);
  waiters_[result.waiter.place].arrival = ++arrivals_;
  gives_up_at(result.waiter.place, waiter.patience);
  return result;
}

void WaitingRoom::abandon(WaiterId id) {
  Waiter* const waiter = waiters_.find(id);
  if (waiter == nullptr || waiter->gone) return;
  if (waiter->ask.takes) ++stats_.checks_abandoned;
  if (waiter->asked) {
    waiter->gone = true;
    return;
  }
  leave(id.place);
}

// Out of its line, which was not asked for with it.
void WaitingRoom::leave(WaiterPlace place) {
  const CounterId counter = waiters_[place].counter;
  take_away(list_of(counters_.make_line(counter), waiters_[place]), place);
  tidy(counter);
}

bool WaitingRoom::withdraw(WaiterId id) {
  Waiter* const waiter = waiters_.find(id);
  if (waiter == nullptr) return true;
  if (waiter->asked) {
    waiter->unwanted = true;
    waiters_.stop_timing(id.place);
    return false;
  }
  leave(id.place);
  return true;
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
  const auto put_back = [&](Waiters::List& list) {
    for (WaiterPlace at = list.first; !at.is_none();) {
      const WaiterPlace next = waiters_[at].next;
      waiters_[at].asked = false;
      if (waiters_[at].unwanted) members_.push_back({waiters_[at].ticket, {}});
      if (waiters_[at].gone || waiters_[at].unwanted) take_away(list, at);
      at = next;
    }
    waiters_.put_before(list, line.due);
  };
  put_back(line.asked);
  if (!line.acquire) return;
  put_back(line.acquire->booking);
  line.acquire->asked_to_book.clear();
}

void WaitingRoom::tell(const Counter& counter, const Waiter& waiter, const CheckResult& result) {
  if (waiter.is_member) {
    members_.push_back({waiter.ticket, result});
    return;
  }
  CheckResult told = result;
  decider_.conclude(*counter.use, waiter.ask, told);
  const bool named = told.verdict == Verdict::StoreDown || waiter.telling >= Telling::Map;
  answers_.push_back({waiter.ticket, told.verdict, told.decision, waiter.telling,
                      named ? counter.use->shown : nullptr});
}

void WaitingRoom::answer(const Counter& counter, Waiters::List& list, WaiterPlace place,
                         const CheckResult& result) {
  const Waiter& waiter = waiters_[place];
  if (!waiter.gone) tell(counter, waiter, result);
  take_away(list, place);
}

void WaitingRoom::take_away(Waiters::List& list, WaiterPlace place) {
  const Waiter& waiter = waiters_[place];
  if (waiter.gives_up.us > 0) gives_up_at(place, {});
  if (waiter.stands != Stands::Nowhere) {
    stand(counters_.make_line(waiter.counter), place, Stands::Nowhere);
  }
  waiters_.remove(list, place);
}

void WaitingRoom::expire(Mono now) {
  while (!patience_.empty() && patience_.begin()->first <= now) {
    lose_patience(patience_.begin()->second, now);
  }
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
      if (waiter.ask.takes) ++stats_.checks_not_asked;
    }
    answer(counter, counters_.make_line(id).due, place,
           decider_.by_policy(counter, waiter.ask, now));
    tidy(id);
    return;
  }
  waiters_.stop_timing(place);
  if (waiter.gone) return;
  if (waiter.is_member) {
    waiter.unwanted = true;  // what it is part of ends at the same moment
    return;
  }
  waiter.gone = true;
  tell(counter, waiter, decider_.by_policy(counter, waiter.ask, now));
}

}  // namespace rategate
