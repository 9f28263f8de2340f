#include "daemon/core/reserver.hpp"

namespace rategate {
namespace {

// Measurements made for a waiting check before it is told that the clock is not trusted: one
// slow round trip is no reason to refuse.
constexpr std::uint8_t kMeasurements = 3;

}  // namespace

Reserver::Reserver(Counters& counters, std::vector<Shard>& shards, Alarms& alarms,
                   WaitingRoom& room, LeaseKeeper& keeper, Recounter& recounter, Decider& decider,
                   ClearMarks& marks, Books& books, GateStats& stats, std::uint64_t seed)
    : counters_(counters),
      shards_(shards),
      alarms_(alarms),
      room_(room),
      keeper_(keeper),
      recounter_(recounter),
      decider_(decider),
      marks_(marks),
      books_(books),
      stats_(stats),
      random_(seed) {}

// ---- What needs no store --------------------------------------------------------------------

std::optional<CheckResult> Reserver::decide_here(CounterId id, const Window& window,
                                                 WindowState state, const Ask& ask, Mono now) {
  Counter& counter = counters_[id];
  // While a block may stand, of which the store is to be asked, the pool pays nothing.
  const bool may_be_blocked = decider_.may_be_blocked(counter, now) != nullptr;
  if (has_counted(state) && has_pool(counter, window) && !may_be_blocked) {
    const std::int64_t until_ms = keeper_.good_until_ms(counter, window, now);
    if (is_in_pool(id, window, ask, now)) {
      CheckResult result = decider_.allow_from_pool(counter, window, now);
      if (ask.takes) result.decision.receipt = Decider::receipt_of(counter, until_ms);
      return result;
    }
  }
  if (!denies(counter, state, window, ask.cost, now)) return std::nullopt;
  keeper_.show_denial(counter, now);
  return decider_.deny_locally(counter, state, window, ask.cost, now);
}

// Takes it, if it is to be taken.
bool Reserver::is_in_pool(CounterId id, const Window& window, const Ask& ask, Mono now) {
  if (ask.takes) return keeper_.spend(id, window, {ask.cost, 1}, now);
  Counter& counter = counters_[id];
  keeper_.look(counter, now);
  return decider_.held(counter, window, now) >= ask.cost;
}

bool Reserver::denies(const Counter& counter, WindowState state, const Window& window,
                      std::int64_t cost, Mono now) const {
  if (!has_counted(state)) return state != WindowState::Uncounted;
  // The denial that sets the block is the store's.
  if (counter.clearing || counter.use->blocks) return false;
  // What is in hand may come back.
  const Line* const line = counters_.line(counter);
  if (line != nullptr && line->hand.permits() > 0) return false;
  return state == WindowState::Exhausted || cost > decider_.most_left(counter, window, now);
}

// Where the first of those in ACQUIRE has its permits, the next one is looked at.
void Reserver::serve(CounterId id, Mono now) {
  for (;;) {
    attend_acquirers(id, now);
    if (decide_due(id, now)) {
      room_.queue(id);
      break;
    }
    const Line* const line = counters_.line(counters_[id]);
    const bool more = line != nullptr && line->acquire && !line->acquire->parked.empty() &&
                      line->acquire->asking == 0 && line->reservation == 0 &&
                      now >= line->acquire->wakes;
    if (!more) break;
  }
  room_.tidy(id);
  keeper_.list(id);
}

// The window to be asked for, where checks are left that only the store can decide.
std::optional<Window> Reserver::decide_due(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  Line* const line = counters_.line(counter);
  if (line == nullptr || line->reservation != 0 || line->due.empty() || counter.clearing) {
    return std::nullopt;
  }
  if (const auto blocked = decider_.deny_blocked(counter, now)) {
    room_.answer_all(counter, line->due, [&](const Ask&) { return *blocked; });
    return std::nullopt;
  }
  LimitUse& use = *counter.use;
  if (now < use.refused_until) {
    room_.answer_all(counter, line->due,
                     [&](const Ask& ask) { return decider_.by_policy(counter, ask, now); });
    return std::nullopt;
  }
  const auto reading = shard_of(counter).usable(*use.limit, now);
  if (!reading) {
    measure_first(id, *line, now);
    return std::nullopt;
  }
  counter.measurements = 0;
  const Placed at = use.place(*reading);
  if (!at.open) {
    alarms_.set(id, after(now, shard_of(counter).clock.with_drift(at.opens_in_us)));
    return std::nullopt;
  }
  const WindowState state = decider_.state_of(counter, at.window, now);
  if (state == WindowState::Uncounted) {
    recounter_.want(id);
    return std::nullopt;
  }
  decide_in_order(id, *line, at.window, state, now);
  return line->due.empty() ? std::nullopt : std::optional(at.window);
}

void Reserver::decide_in_order(CounterId id, Line& line, const Window& window, WindowState state,
                               Mono now) {
  const Counter& counter = counters_[id];
  // Up to that cost nothing can be decided here, so that a long line costs next to nothing.
  const bool only_store = state == WindowState::Open && decider_.held(counter, window, now) == 0;
  const std::int64_t asked = only_store ? decider_.most_left(counter, window, now) : 0;
  bool is_behind = false;  // somebody in ACQUIRE, who is to be asked for
  Parking parking;
  for (WaiterPlace next = line.due.first; !next.is_none();) {
    const WaiterPlace place = next;
    const Waiter& waiter = room_.waiters()[place];
    next = waiter.next;
    const Ask ask = waiter.ask;
    const bool acquires = waiter.stands == Stands::Asking;
    if (is_behind && (acquires || !denies(counter, state, window, ask.cost, now))) continue;
    const bool to_book = acquires && books(counter, state);
    if (ask.cost > asked || to_book) {
      if (counter.use->is_sub() && !pays(counter, state, window, ask.cost) &&
          denies(counter, state, window, ask.cost, now)) {
        leave(id, line.due, place, has_counted(state));
        continue;
      }
      const auto known = decide_here(id, window, state, ask, now);
      if (known && (known->decision.allowed || !to_book)) {
        answer_or_park(counter, line.due, place, *known, parking, now);
        continue;
      }
    }
    is_behind = is_behind || acquires;
  }
  park(line, parking);
}

// Whether the pool does.
bool Reserver::pays(const Counter& counter, WindowState state, const Window& window,
                    std::int64_t cost) {
  return has_counted(state) && has_pool(counter, window) && counter.pool.held(window) >= cost;
}

void Reserver::leave(CounterId id, Waiters::List& list, WaiterPlace place, bool is_known) {
  Waiter& waiter = room_.waiters()[place];
  if (waiter.stands != Stands::Nowhere) {
    room_.stand(*counters_.line(counters_[id]), place, Stands::Nowhere);
  }
  waiter.asked = waiter.asked_again = false;
  waiter.passed_unknown = waiter.passed_unknown || !is_known;
  Line& line = *counters_.line(counters_[id]);
  if (line.leaving.empty()) left_.push_back(id);
  room_.waiters().move(list, place, line.leaving);
}

WaiterPlace Reserver::going_on() {
  for (; !left_.empty(); left_.pop_back()) {
    const CounterId id = left_.back();
    const Line* const line = counters_.line(counters_[id]);
    if (line != nullptr && !line->leaving.empty()) return line->leaving.last;
    room_.tidy(id);
  }
  return {};
}

void Reserver::deny_going_on(WaiterPlace place, Mono now) {
  const Waiter& waiter = room_.waiters()[place];
  const std::int64_t cost = waiter.ask.cost;
  Counter& counter = counters_[waiter.counter];
  Line& line = *counters_.line(counter);
  const Placed at = shard_of(counter).place(*counter.use, now);
  // Or nobody knows whether the limit is used up.
  const CheckResult result =
      waiter.passed_unknown
          ? decider_.deny_locally(counter, WindowState::Lost, at.window, cost, now)
          : decider_.deny_now(counter, cost, now);
  Parking parking;
  answer_or_park(counter, line.leaving, place, result, parking, now);
  park(line, parking);
}

// Before those that wait there, as it has waited for longer.
void Reserver::go_on(WaiterPlace place, CounterId to, Mono now) {
  Waiter& waiter = room_.waiters()[place];
  Waiters::List alone;
  room_.waiters().move(counters_.line(counters_[waiter.counter])->leaving, place, alone);
  waiter.counter = to;
  Line& line = counters_.make_line(to);
  if (waiter.patience.us > 0) room_.stand(line, place, Stands::Asking);
  room_.waiters().put_before(alone, line.due);
  line.retried = true;
  const Counter& counter = counters_[to];
  if (shard_of(counter).health.is_away()) {
    room_.answer_all(counter, line.due,
                     [&](const Ask& ask) { return decider_.by_policy(counter, ask, now); });
  }
  serve(to, now);
}

void Reserver::go_elsewhere(WaiterPlace place, CounterId to, Mono now) {
  const CounterId from = room_.waiters()[place].counter;
  leave(from, counters_.line(counters_[from])->due, place, true);
  go_on(place, to, now);
}

// They wait for the clock to be measured, or were in vain often enough.
bool Reserver::measure_first(CounterId id, Line& line, Mono now) {
  Counter& counter = counters_[id];
  if (counter.unmeasured) return true;
  if (counter.measurements >= kMeasurements) {
    counter.measurements = 0;
    room_.answer_all(counter, line.due,
                     [&](const Ask&) { return decider_.deny_untrusted(counter, now); });
    return false;
  }
  ++counter.measurements;
  counter.unmeasured = true;
  Shard& shard = shard_of(counter);
  shard.unmeasured.push_back(id);
  shard.measure_wanted = true;
  return true;
}

void Reserver::measured(ShardId id, Mono now) {
  std::vector<CounterId> waited;
  waited.swap(shards_[id.value].unmeasured);
  for (const CounterId counter : waited) {
    counters_[counter].unmeasured = false;
    serve(counter, now);
  }
}

}  // namespace rategate
