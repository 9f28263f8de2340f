// Those that wait in ACQUIRE: when they are asked for, and what is booked for them.
// docs/waiting.md has the design.
#include <algorithm>
#include <utility>

#include "daemon/core/asks_again.hpp"
#include "daemon/core/lease.hpp"
#include "daemon/core/reserver.hpp"

namespace rategate {
namespace {

// The store is not asked more often whether it has what is booked.
constexpr std::int64_t kConfirmEveryUs = 10'000;
// So many of a line are looked at for whom a booking is.
constexpr int kMostLooks = 64;

}  // namespace

bool Reserver::books(const Counter& counter, WindowState state) {
  return !counter.use->limit->algorithm->has_windows && has_counted(state);
}

std::span<const BookingAsked> Reserver::bookings_of(const Line& line) {
  if (!line.acquire) return {};
  return line.acquire->asked_to_book;
}

// ---- Standing in line -----------------------------------------------------------------------

std::optional<CheckResult> Reserver::stand_behind(CounterId id, const Request& request, Mono now) {
  const Counter& counter = counters_[id];
  const Line* const line = counters_.line(counter);
  if (line == nullptr || !line->acquire) return std::nullopt;
  const AcquireLine& those = *line->acquire;
  if (those.booked_for < those.bookings.size() && those.asking == 0 && those.parked.empty()) {
    const Booking& spare = those.bookings[those.booked_for];
    const auto reading = shard_of(counter).clock.read(now);
    // Not one whose moment may have been before this one came.
    if (reading && spare.at >= reading->latest && spare.cost >= request.ask.cost &&
        after(now, spare.at.us - reading->earliest.us) <= request.patience) {
      return room_.join_booked(id, request, reading->latest);
    }
  }
  // Bookings are made in the order in which they are asked for.
  const bool in_line =
      !those.parked.empty() || (counter.use->limit->algorithm->has_windows && those.asking > 0);
  if (!in_line) return std::nullopt;
  // Nothing is there for anybody before they wake.
  const bool too_late = !is_looked_at_again(*counter.use->limit) && those.asking == 0 &&
                        those.wakes >= request.patience;
  return too_late ? decider_.deny_now(counter, request.ask.cost, now)
                  : room_.join_parked(id, request);
}

std::optional<Mono> Reserver::wakes_at(const Counter& counter, Mono patience,
                                       const CheckResult& denied, Mono now) {
  const Limit& limit = *counter.use->limit;
  // Of a bucket what is not booked is not to be had.
  if (denied.decision.reason == Reason::OverLimit && !limit.algorithm->has_windows) {
    return std::nullopt;
  }
  if (counter.use->dropped) return std::nullopt;  // by other numbers, or none
  return asks_again_at(limit, denied, patience, random_, now);
}

std::optional<CheckResult> Reserver::park_new(CounterId id, const Request& request,
                                              const CheckResult& denied, Mono now) {
  const auto wakes = wakes_at(counters_[id], request.patience, denied, now);
  if (!wakes) return std::nullopt;
  const CheckResult joined = room_.join_parked(id, request);
  counters_.line(counters_[id])->acquire->wakes = *wakes;
  alarms_.set(id, *wakes);
  return joined;
}

void Reserver::answer_or_park(const Counter& counter, Waiters::List& list, WaiterPlace place,
                              const CheckResult& result, Parking& parking, Mono now) {
  const Waiter& waiter = room_.waiters()[place];
  if (waiter.patience.us == 0) return room_.answer(counter, list, place, result);
  const auto wakes = waiter.gone ? std::nullopt : wakes_at(counter, waiter.patience, result, now);
  if (!wakes) {
    room_.answer(counter, list, place, result);
    return;
  }
  room_.waiters().move(list, place, parking.list);
  parking.wakes = *wakes;
}

void Reserver::park(Line& line, Parking& parking) {
  if (parking.list.empty()) return;
  room_.park(line, parking.list, parking.wakes);
  alarms_.set(line.counter, parking.wakes);
}

// Before what is due is decided: what is booked is told, and who is parked is paid or asked for.
void Reserver::attend_acquirers(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  Line* const line = counters_.line(counter);
  if (line == nullptr || !line->acquire) return;
  tell_booked(id, *line, now);
  AcquireLine& those = *line->acquire;
  if (those.parked.empty() || line->reservation != 0) return;
  const bool all = !counter.use->limit->algorithm->has_windows;
  // While some are not asked for, those behind them are not either.
  if (all && those.asking > 0) park_due(*line, those.wakes);
  if (those.asking > 0) return;
  pay_parked(id, *line, now);
  if (those.parked.empty()) return;
  if (now < those.wakes) {
    alarms_.set(id, those.wakes);
    return;
  }
  if (shard_of(counter).health.is_away()) {
    room_.answer_all(counter, those.parked,
                     [&](const Ask& ask) { return decider_.by_policy(counter, ask, now); });
    return;
  }
  room_.wake(*line, all, after(now, decider_.command_timeout_us()));
}

// Out of the pool.
void Reserver::pay_parked(CounterId id, Line& line, Mono now) {
  Counter& counter = counters_[id];
  const Placed at = shard_of(counter).place(*counter.use, now);
  if (!at.open || decider_.held(counter, at.window, now) == 0) return;
  const WindowState state = decider_.state_of(counter, at.window, now);
  if (!has_counted(state)) return;
  Waiters::List& parked = line.acquire->parked;
  while (!parked.empty()) {
    const Ask ask = room_.waiters()[parked.first].ask;
    if (ask.cost > decider_.held(counter, at.window, now)) return;
    const auto paid = decide_here(id, at.window, state, ask, now);
    if (!paid || !paid->decision.allowed) return;
    room_.answer(counter, parked, parked.first, *paid);
  }
}

// Out of what was granted ahead, before anybody else can take it. What is left of it.
std::int64_t Reserver::pay_parked_of(Counter& counter, Line& line, std::int64_t permits,
                                     Handout& handout, Mono now) {
  if (!line.acquire || line.acquire->asking > 0) return permits;  // those are before them
  // What is of a window to come is for those who wait then.
  if (!handout.kept || !inside(counter, line.window, now)) return permits;
  Waiters::List& parked = line.acquire->parked;
  while (!parked.empty()) {
    const WaiterPlace first = parked.first;
    const Ask ask = room_.waiters()[first].ask;
    if (ask.cost > permits) break;
    permits -= ask.cost;
    handout.left -= ask.cost;
    books_.spent(ask.cost);
    keeper_.note_spent(counter, {ask.cost, 1}, now);
    room_.answer(counter, parked, first, granted(counter, line, {ask, true}, handout, now));
  }
  return permits;
}

// Who comes too late by the time that the store has for it is not overtaken by those behind it: the
// store answers, as somebody is asked for now.
bool Reserver::give_time(WaiterPlace place, Mono now) {
  Waiters& waiters = room_.waiters();
  const Waiter& waiter = waiters[place];
  if (waiter.stands != Stands::Asking || waiter.patience <= now) return false;
  waiters.stop_timing(place);
  waiters.start_timing(place, after(now, decider_.command_timeout_us()));
  return true;
}

// ---- What is booked -------------------------------------------------------------------------

// Told in time, if the store's answer at that moment takes no longer than usual.
void Reserver::take_booking(const Counter& counter, Line& line, WaiterPlace place, Mono now,
                            Reservation& into) {
  const Waiter& waiter = room_.waiters()[place];
  const Shard& shard = shard_of(counter);
  const auto reading = shard.clock.read(now);
  const std::int64_t in_us = waiter.patience.us - now.us - 2 * shard.round_trip_us;
  into.bookings.push_back(
      {waiter.ask.cost, {reading ? std::max<std::int64_t>(0, reading->earliest.us + in_us) : 0}});
  room_.ask_to_book(line, place);
}

void Reserver::hand_bookings(Counter& counter, Line& line, Handout& handout, Mono now) {
  if (!line.acquire) return;
  AcquireLine& those = *line.acquire;
  const std::vector<BookingAsked> asked = std::exchange(those.asked_to_book, {});
  const auto reading = shard_of(counter).clock.read(now);
  // By another clock than is known by now it is not told when its moment has come.
  const bool kept = handout.kept && !line.slices_over && reading;
  for (std::size_t i = 0; i < asked.size() && !those.booking.empty(); ++i) {
    const WaiterPlace place = those.booking.first;
    const Booking booking{handout.reply.booked[i], asked[i].cost};
    if (booking.at.us == 0) {
      const CheckResult denied =
          Decider::counted(counter, false, prospect(counter, booking.cost, handout, now));
      room_.answer(counter, those.booking, place, denied);
      continue;
    }
    if (!kept) {
      if (handout.kept) books_.stranded(booking.cost);
      const CheckResult lost =
          decider_.deny_locally(counter, handout.kept ? WindowState::Telling : handout.lost,
                                line.window, booking.cost, now);
      answer_or_park(counter, those.booking, place, lost, handout.parking, now);
      continue;
    }
    const auto later = [](const Booking& a, const Booking& b) { return a.at < b.at; };
    those.bookings.insert(
        std::upper_bound(those.bookings.begin(), those.bookings.end(), booking, later), booking);
    those.booked_permits += booking.cost;
    if (room_.waiters()[place].gone) {
      room_.answer(counter, those.booking, place, {});
    } else {
      const std::int64_t in_us = std::max<std::int64_t>(0, booking.at.us - reading->earliest.us);
      room_.booked(line, place, handout.reply.time,
                   after(now, in_us + decider_.command_timeout_us()));
    }
  }
}

void Reserver::tell_booked(CounterId id, Line& line, Mono now) {
  AcquireLine& those = *line.acquire;
  Counter& counter = counters_[id];
  const StoreTime had_data = shard_of(counter).had_data;
  while (!those.bookings.empty() && those.bookings.front().at <= had_data) {
    const Booking booking = those.bookings.front();
    those.bookings.pop_front();
    those.booked_permits -= booking.cost;
    tell_one(counter, line, booking, now);
  }
  if (!those.bookings.empty()) confirm(id, line, now);
}

// To the first that it is enough for, and that had come by its moment.
void Reserver::tell_one(Counter& counter, Line& line, const Booking& booking, Mono now) {
  Waiters::List& booked = line.acquire->booked;
  const auto fits_for = [&](WaiterPlace place) {
    const Waiter& waiter = room_.waiters()[place];
    return waiter.ask.cost <= booking.cost && waiter.came <= booking.at;
  };
  WaiterPlace place = booked.first;
  for (int i = 0; i < kMostLooks && !place.is_none() && !fits_for(place); ++i) {
    place = room_.waiters()[place].next;
  }
  const bool fits = !place.is_none() && fits_for(place);
  const std::int64_t cost = fits ? room_.waiters()[place].ask.cost : 0;
  if (booking.cost > cost) books_.stranded(booking.cost - cost);
  if (!fits) return;
  books_.spent(cost);
  keeper_.note_spent(counter, {cost, 1}, now);
  CheckResult result = Decider::counted(
      counter, true,
      decider_.prospect(counter, counter.bucket->bucket, 0, cost, shard_of(counter).had_data, now));
  result.decision.receipt = Decider::receipt_of(counter, booking.at);
  room_.answer(counter, booked, place, result);
}

// The store is to say at the moment of the next booking that it has its data.
void Reserver::confirm(CounterId id, Line& line, Mono now) {
  AcquireLine& those = *line.acquire;
  Counter& counter = counters_[id];
  const Shard& shard = shard_of(counter);
  const auto reading = shard.clock.read(now);
  if (!reading) return;
  if (line.busy()) return;  // its answer says it
  const std::int64_t in_us = those.bookings.front().at.us - reading->earliest.us;
  const Mono at = std::max({in_us > 0 ? after(now, shard.clock.with_drift(in_us) + 1) : now,
                            those.confirms, counter.use->refused_until});
  if (at > now) {
    alarms_.set(id, at);
    return;
  }
  those.confirms = after(now, kConfirmEveryUs);
  counter.confirm = true;
  keeper_.list(id);
  alarms_.set(id, those.confirms);
}

void Reserver::strand_bookings(AcquireLine& those) {
  books_.stranded(std::exchange(those.booked_permits, 0));
  those.bookings.clear();
}

// Those who are to be asked for do not come before those who are asked for once more.
void Reserver::park_due(Line& line, Mono wakes) {
  Waiters& waiters = room_.waiters();
  Waiters::List due;
  for (WaiterPlace next = line.due.first; !next.is_none();) {
    const WaiterPlace place = std::exchange(next, waiters[next].next);
    if (waiters[place].stands == Stands::Asking) waiters.move(line.due, place, due);
  }
  room_.park(line, due, wakes);
}

void Reserver::deny_acquirers_of_dropped(Mono now) {
  counters_.each_line([&](CounterId id, Line& line) {
    const Counter& counter = counters_[id];
    if (!counter.use->dropped) return;
    CheckResult denied = decider_.deny_now(counter, 1, now);
    denied.decision.retry_after_ms = 1;  // of the limit that there is now, it may be had at once
    answer_acquirers(id, line, [&](const Ask&) { return denied; });
  });
}

void Reserver::void_bookings(CounterId id, Mono now) {
  Line* const line = counters_.line(counters_[id]);
  if (line == nullptr || !line->acquire) return;
  strand_bookings(*line->acquire);
  room_.park(*line, line->acquire->booked, now);
  park_due(*line, now);
  line->acquire->wakes = now;
  if (!line->acquire->booking.empty()) line->slices_over = true;
  alarms_.set(id, now);
}

}  // namespace rategate
