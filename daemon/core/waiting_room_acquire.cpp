// Those that wait in ACQUIRE: where they stand, and until when.
#include "daemon/core/waiting_room.hpp"

namespace rategate {

CheckResult WaitingRoom::join_parked(CounterId id, const Request& request) {
  Line& line = counters_.make_line(id);
  const CheckResult joined =
      add(line, line.make_acquire().parked, waiter_of(id, request), Stands::Parked);
  waiters_.stop_timing(joined.waiter.place);
  return joined;
}

CheckResult WaitingRoom::join_booked(CounterId id, const Request& request, StoreTime came) {
  Line& line = counters_.make_line(id);
  Waiter waiter = waiter_of(id, request);
  waiter.came = came;
  const CheckResult joined = add(line, line.acquire->booked, waiter, Stands::Booked);
  waiters_.stop_timing(joined.waiter.place);
  return joined;
}

void WaitingRoom::stand(Line& line, WaiterPlace place, Stands stands) {
  Waiter& waiter = waiters_[place];
  AcquireLine& those = line.make_acquire();
  const auto count = [&](std::int64_t by) {
    const auto one = static_cast<std::uint32_t>(by);  // less than none wraps around
    if (waiter.stands == Stands::Nowhere) return;
    those.count += one;
    if (waiter.stands == Stands::Asking) those.asking += one;
    if (waiter.stands == Stands::Booked) those.booked_for += one;
    if (waiter.stands == Stands::Parked) those.parked_permits += by * waiter.ask.cost;
  };
  // Who is the first by now may have nobody else to come back for it.
  const bool deserts = waiter.stands == Stands::Asking && stands == Stands::Nowhere;
  count(-1);
  waiter.stands = stands;
  count(1);
  if (deserts && those.asking == 0 && !those.parked.empty()) deserted_.push_back(line.counter);
}

void WaitingRoom::park(Line& line, Waiters::List& list, Mono wakes) {
  if (list.empty()) return;
  for (WaiterPlace at = list.first; !at.is_none(); at = waiters_[at].next) {
    waiters_.stop_timing(at);
    waiters_[at].asked = waiters_[at].asked_again = false;
    stand(line, at, Stands::Parked);
    gives_up_at(at, waiters_[at].patience);
  }
  waiters_.merge(list, line.acquire->parked);
  line.acquire->wakes = wakes;
}

// By the store's deadline: while it cannot answer they are answered by policy, as checks are.
void WaitingRoom::wake(Line& line, bool all, Mono deadline) {
  Waiters::List woken;
  while (!line.acquire->parked.empty() && (all || woken.empty())) {
    const WaiterPlace place = line.acquire->parked.first;
    Waiter& waiter = waiters_[place];
    waiters_.move(line.acquire->parked, place, woken);
    waiters_.start_timing(place, deadline);
    waiter.tried = 0;  // of a limit that is spread, all of its counters may pay again
    waiter.round_ms = 0;
    waiter.passed_unknown = false;
    stand(line, place, Stands::Asking);
  }
  waiters_.put_before(woken, line.due);
}

void WaitingRoom::ask_to_book(Line& line, WaiterPlace place) {
  Waiter& waiter = waiters_[place];
  waiter.asked = waiter.ever_asked = true;
  waiters_.move(line.due, place, line.acquire->booking);
}

void WaitingRoom::booked(Line& line, WaiterPlace place, StoreTime came, Mono until) {
  waiters_.stop_timing(place);
  waiters_[place].asked = false;
  waiters_[place].came = came;
  waiters_.move(line.acquire->booking, place, line.acquire->booked);
  stand(line, place, Stands::Booked);
  gives_up_at(place, std::max(until, waiters_[place].patience));
}

void WaitingRoom::gives_up_at(WaiterPlace place, Mono at) {
  Waiter& waiter = waiters_[place];
  if (waiter.gives_up.us > 0) patience_.erase({waiter.gives_up, place});
  waiter.gives_up = at;
  if (at.us > 0) patience_.emplace(at, place);
}

Waiters::List& WaitingRoom::list_of(Line& line, const Waiter& waiter) {
  if (waiter.stands == Stands::Parked) return line.acquire->parked;
  if (waiter.stands == Stands::Booked) return line.acquire->booked;
  return line.due;
}

// What was asked of the store for it is waited for, which is never long.
void WaitingRoom::lose_patience(WaiterPlace place, Mono now) {
  const Waiter& waiter = waiters_[place];
  gives_up_at(place, {});
  if (waiter.asked || waiter.gone || waiter.stands == Stands::Nowhere) return;
  const CounterId id = waiter.counter;
  const Counter& counter = counters_[id];
  Line& line = counters_.make_line(id);
  // A moment has come, and the store does not say that it still has its data.
  const auto reading = shards_[counter.shard.value].clock.read(now);
  const bool unsaid =
      waiter.stands == Stands::Booked && (!reading || line.acquire->bookings.empty() ||
                                          line.acquire->bookings.front().at <= reading->earliest);
  answer(counter, list_of(line, waiter), place,
         unsaid ? decider_.by_policy(counter, waiter.ask, now)
                : decider_.deny_now(counter, waiter.ask.cost, now));
  tidy(id);
}

}  // namespace rategate
