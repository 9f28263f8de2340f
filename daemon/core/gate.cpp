#include "daemon/core/gate.hpp"

#include <algorithm>

#include "daemon/base/mutant.hpp"

namespace rategate {
namespace {

// A counter outlives its window by the clock's bound and this much, for hosts that lag.
constexpr std::int64_t kExpiryMarginMs = 1000;
// Runs of equal costs in one reservation: what keeps a script call short.
constexpr std::size_t kMaxRuns = 128;
// Measurements made for a waiting check before it is told that the clock is not trusted: one
// slow round trip is no reason to refuse.
constexpr std::uint8_t kMeasurements = 3;

std::int64_t ms_rounded_up(std::int64_t us) { return us <= 0 ? 0 : (us + 999) / 1000; }

}  // namespace

Gate::Gate(const Options& options, SharedPools* shared)
    : options_(options),
      shared_(shared),
      clock_(options.clock),
      random_(options.jitter_seed | 1),
      counters_(options.seed) {}

bool Gate::may_forget(Counter& counter, bool crowded, Mono now) {
  const auto reading = clock_.read(now);
  const bool over = reading && counter.pool.last_end_ms() * 1000 <= reading->earliest.us;
  if (!over && !crowded) return false;
  let_go(counter);
  return true;
}

void Gate::sweep(Mono now) {
  counters_.sweep(
      [&](Counter& counter, bool crowded) { return may_forget(counter, crowded, now); });
}

// ---- Decisions ----------------------------------------------------------------------------

bool Gate::usable(const ClockReading& reading, const Limit& limit) const {
  return clock_.trusts(reading) && precise_enough(reading, limit.period_ms);
}

// Without a division for as long as a window lasts.
Placed Gate::placed(LimitUse& use, const ClockReading& reading) const {
  if (reading.earliest.us >= use.window.start_ms * 1000 &&
      reading.latest.us < use.window.end_ms * 1000) {
    return {use.window, true, 0};
  }
  const Placed placed = place(reading, use.limit->period_ms);
  if (placed.open) use.window = placed.window;
  return placed;
}

bool Gate::inside(const Window& window, LimitUse& use, Mono now) const {
  const auto reading = clock_.read(now);
  if (!reading || !usable(*reading, *use.limit)) return false;
  const Placed at = placed(use, *reading);
  return at.open && at.window == window;
}

// The error grows while one waits, so it takes longer by that.
std::int64_t Gate::with_drift(std::int64_t us) const {
  return us + (us / 1000 + 1) * options_.clock.max_drift_ppm / 1000 + 1;
}

Pool::State Gate::local_state(const Counter& counter, const Window& window) const {
  // Who fails open would rather count from nought than not at all.
  if (window.start_ms * 1000 <= lost_through_.us &&
      counter.use->limit->on_store_down != OnStoreDown::Allow) {
    return Pool::State::Lost;
  }
  return counter.pool.state(window);
}

Decision Gate::decide(LimitUse& use, Reason reason, bool allowed, std::int64_t remaining,
                      Mono now) const {
  const Limit& limit = *use.limit;
  Decision decision;
  decision.allowed = allowed;
  decision.reason = reason;
  decision.limit = limit.permits;
  decision.remaining = remaining;
  decision.reset_after_ms = limit.period_ms;
  if (const auto reading = clock_.read(now)) {
    const Placed at = placed(use, *reading);
    const std::int64_t until = at.open ? at.window.end_ms : at.window.start_ms;
    const std::int64_t us = until * 1000 - reading->earliest.us;
    decision.reset_after_ms = ms_rounded_up(with_drift(us));
  }
  if (!allowed) {
    decision.retry_after_ms = reason == Reason::NeverFits ? -1 : decision.reset_after_ms;
  }
  return decision;
}

void Gate::count(LimitUse& use, const Decision& decision) {
  ++(decision.allowed ? use.allowed : use.denied);
  switch (decision.reason) {
    case Reason::Counted:
      ++stats_.allowed;
      break;
    case Reason::OverLimit:
      ++stats_.denied;
      break;
    case Reason::NeverFits:
      ++stats_.never_fits;
      break;
    case Reason::ClockNotTrusted:
      ++stats_.clock_not_trusted;
      break;
    case Reason::StoreAway:
      ++(decision.allowed ? stats_.store_down_allowed : stats_.store_down_denied);
      break;
  }
}

CheckResult Gate::by_policy(LimitUse& use, Mono now) {
  CheckResult result;
  const Limit& limit = *use.limit;
  if (limit.on_store_down == OnStoreDown::Error) {
    result.verdict = Verdict::StoreDown;
    ++stats_.store_down_errors;
    ++use.denied;
    return result;
  }
  const bool allowed = limit.on_store_down == OnStoreDown::Allow;
  result.decision = decide(use, Reason::StoreAway, allowed, 0, now);
  count(use, result.decision);
  return result;
}

CheckResult Gate::deny_locally(Counter& counter, Pool::State state, const Window& window,
                               Mono now) {
  const Limit& limit = *counter.use->limit;
  CheckResult result;
  if (state == Pool::State::Lost) {
    result.decision = decide(*counter.use, Reason::StoreAway, false, 0, now);
    ++stats_.lost_denied;
    ++counter.use->denied;
    return result;
  }
  const std::int64_t remaining =
      counter.pool.left(window, limit.permits) + counter.pool.held(window);
  result.decision = decide(*counter.use, Reason::OverLimit, false, remaining, now);
  count(*counter.use, result.decision);
  ++stats_.denied_locally;
  return result;
}

CheckResult Gate::allow_from_pool(Counter& counter, const Window& window, Mono now) {
  const Limit& limit = *counter.use->limit;
  CheckResult result;
  const std::int64_t remaining =
      counter.pool.left(window, limit.permits) + counter.pool.held(window);
  result.decision = decide(*counter.use, Reason::Counted, true, remaining, now);
  count(*counter.use, result.decision);
  return result;
}

CheckResult Gate::deny_untrusted(LimitUse& use, Mono now) {
  CheckResult result;
  result.decision = decide(use, Reason::ClockNotTrusted, false, 0, now);
  count(use, result.decision);
  return result;
}

// ---- The way of a check -------------------------------------------------------------------

std::uint32_t Gate::slot_of(const LimitUsePtr& use, std::string_view key, Mono now) {
  // Without %k all keys are one counter.
  if (!use->limit->redis_key.has_key()) key = {};
  if (key.empty() && use->keyless < counters_.slots()) {
    const Counter& known = counters_[use->keyless];
    if (known.live && known.use == use.get() && known.key.view().empty()) return use->keyless;
  }
  const std::uint32_t slot = counters_.find_or_add(
      use, key, [&](Counter& other, bool crowded) { return may_forget(other, crowded, now); });
  if (key.empty()) use->keyless = slot;
  return slot;
}

CheckResult Gate::check(const LimitUsePtr& use, std::string_view key, std::int64_t cost,
                        std::uint64_t ticket, Mono now) {
  ++stats_.checks;
  CheckResult result;
  if (stopping_) {
    result.verdict = Verdict::Stopping;
    return result;
  }
  const Limit& limit = *use->limit;
  if (cost > limit.permits) {
    result.decision = decide(*use, Reason::NeverFits, false, 0, now);
    count(*use, result.decision);
    return result;
  }
  const std::uint32_t slot = slot_of(use, key, now);
  Counter& counter = counters_[slot];
  const auto reading = clock_.read(now);
  if (reading && usable(*reading, limit)) {
    const Placed at = placed(*use, *reading);
    if (sharing_ && use->leased) share_pool(slot, reading->earliest.us / 1000, now);
    if (at.open) {
      const Pool::State state = local_state(counter, at.window);
      if (use->leased && state != Pool::State::Lost && spend(slot, at.window, cost, now)) {
        return allow_from_pool(counter, at.window, now);
      }
      if (state != Pool::State::Unknown) {
        return deny_locally(counter, state, at.window, now);
      }
    }
  }
  if (store_ == StoreHealth::Away) return by_policy(*use, now);
  result.waits = true;
  result.waiter = waiters_.add(counters_.make_waiting(counter).due, ticket, cost,
                               after(now, options_.command_timeout_us), slot);
  list_due(slot);
  return result;
}

std::int64_t Gate::repeat(const LimitUsePtr& use, std::string_view key, std::int64_t cost,
                          const Decision& decided, std::int64_t count, Mono now) {
  const bool allowed = decided.allowed && decided.reason == Reason::Counted && use->leased;
  const bool denied = !decided.allowed && decided.reason == Reason::OverLimit;
  if (stopping_ || !(allowed || denied)) return 0;
  const std::uint32_t slot = slot_of(use, key, now);
  const auto reading = clock_.read(now);
  if (!reading || !usable(*reading, *use->limit)) return 0;
  const Placed at = placed(*use, *reading);
  if (!at.open) return 0;
  const Pool::State state = local_state(counters_[slot], at.window);
  const std::int64_t held = counters_[slot].pool.held(at.window);
  if (allowed) count = std::min(count, held / cost);
  const auto times = static_cast<std::uint64_t>(count);
  if (allowed) {
    if (count == 0 || state == Pool::State::Lost) return 0;
    if (!spend(slot, at.window, cost * count, now)) return 0;
    stats_.allowed += times;
    use->allowed += times;
  } else {
    // Used up is used up; where permits are left that did not suffice, each is judged by itself.
    if (state != Pool::State::Exhausted || held > 0) return 0;
    stats_.denied += times;
    stats_.denied_locally += times;
    use->denied += times;
  }
  stats_.checks += times;
  return count;
}

void Gate::abandon(WaiterId id) {
  Waiters::Waiter* waiter = waiters_.find(id);
  if (waiter == nullptr) return;
  if (waiter->asked) {
    waiter->gone = true;  // its permits are charged; there is nobody to give them to
  } else {
    Counter& counter = counters_[waiter->counter];
    waiters_.remove(counters_.make_waiting(counter).due, id.slot);
    counters_.ended_waiting(counter);
  }
}

void Gate::list_due(std::uint32_t slot) {
  Counter& counter = counters_[slot];
  counters_.ended_waiting(counter);
  const Waiting* const waiting = counters_.waiting(counter);
  if (counter.listed || (waiting != nullptr && waiting->reservation != 0)) return;
  const bool due = waiting != nullptr && !waiting->due.empty();
  if (!due && !counter.refill && !counter.prepare) return;
  counter.listed = true;
  due_.push_back(slot);
}

void Gate::hand_out(const Counter& counter, std::uint64_t ticket, const CheckResult& result) {
  answers_.push_back({ticket, result.verdict, result.decision,
                      result.verdict == Verdict::StoreDown ? counter.use->limit : nullptr});
}

void Gate::answer(Counter& counter, Waiters::Line& line, std::uint32_t slot,
                  const CheckResult& result) {
  const Waiters::Waiter& waiter = waiters_[slot];
  if (!waiter.gone) hand_out(counter, waiter.ticket, result);
  waiters_.remove(line, slot);
}

template <class Result>
void Gate::answer_all(Counter& counter, Waiters::Line& line, const Result& result) {
  while (!line.empty()) answer(counter, line, line.first, result());
}

// A check that is part of a reservation keeps its place, so that the grants of those behind it
// stay theirs; it has its answer, and will get no other.
void Gate::expire(std::uint32_t slot, Mono now) {
  Waiters::Waiter& waiter = waiters_[slot];
  Counter& counter = counters_[waiter.counter];
  if (!waiter.asked) {
    answer(counter, counters_.make_waiting(counter).due, slot, by_policy(*counter.use, now));
    counters_.ended_waiting(counter);
    return;
  }
  waiters_.stop_timing(slot);
  if (waiter.gone) return;
  waiter.gone = true;
  hand_out(counter, waiter.ticket, by_policy(*counter.use, now));
}

void Gate::turn(Mono now) {
  while (waiters_.soonest() != Waiters::kNone) {
    const std::uint32_t slot = waiters_.soonest();
    if (waiters_[slot].deadline > now) break;
    expire(slot, now);
  }
  while (!wakes_.empty() && wakes_.top().at <= now) {
    const Wake wake = wakes_.top();
    wakes_.pop();
    Counter& counter = counters_[wake.slot];
    // Another alarm, or another counter that has come to this slot.
    Schedule* const schedule = counters_.schedule(counter);
    if (schedule == nullptr || schedule->wake != wake.at) continue;
    schedule->wake = kNever;
    attend(wake.slot, now);
    list_due(wake.slot);
  }
  if (store_ != StoreHealth::Up) return;
  asking_.clear();
  asking_.swap(due_);
  for (const std::uint32_t slot : asking_) {
    counters_[slot].listed = false;
    ask(slot, now);
  }
}

Mono Gate::next_turn() const {
  Mono next = kNever;
  if (store_ == StoreHealth::Up && !due_.empty()) return Mono{0};
  if (waiters_.soonest() != Waiters::kNone) next = waiters_[waiters_.soonest()].deadline;
  if (!wakes_.empty()) next = std::min(next, wakes_.top().at);
  return next;
}

bool Gate::take_measure_wanted() { return std::exchange(measure_wanted_, false); }

void Gate::ask(std::uint32_t slot, Mono now) {
  Counter& counter = counters_[slot];
  Waiting* const waiting = counters_.waiting(counter);
  if (waiting != nullptr && waiting->reservation != 0) return;
  const Limit& limit = *counter.use->limit;
  const auto reading = clock_.read(now);
  const bool known = reading && usable(*reading, limit);
  if (waiting == nullptr || waiting->due.empty()) {
    if (known) ask_for_lease(slot, placed(*counter.use, *reading), now);
    counter.refill = counter.prepare = false;
    return;
  }
  if (!known) {
    if (counter.measurements >= kMeasurements) {
      counter.measurements = 0;
      answer_all(counter, waiting->due, [&] { return deny_untrusted(*counter.use, now); });
      counters_.ended_waiting(counter);
      return;
    }
    ++counter.measurements;
    counter.listed = true;
    unmeasured_.push_back(slot);
    measure_wanted_ = true;
    return;
  }
  counter.measurements = 0;
  const Placed at = placed(*counter.use, *reading);
  if (!at.open) {
    wake_at(slot, after(now, with_drift(at.opens_in_us)));
    return;
  }
  const Window window = at.window;
  // A lease that came meanwhile may serve them.
  Waiters::Line& due = waiting->due;
  while (counter.use->leased && !due.empty() && local_state(counter, window) != Pool::State::Lost &&
         spend(slot, window, waiters_[due.first].cost, now)) {
    answer(counter, due, due.first, allow_from_pool(counter, window, now));
  }
  if (due.empty()) {
    list_due(slot);  // the pool may be low
    return;
  }
  const Pool::State state = local_state(counter, window);
  if (state != Pool::State::Unknown) {
    answer_all(counter, due, [&] { return deny_locally(counter, state, window, now); });
    counters_.ended_waiting(counter);
    return;
  }
  compose(slot, window, lease_for(counter, window, now), now);
}

// No check waits for it.
void Gate::ask_for_lease(std::uint32_t slot, const Placed& placed, Mono now) {
  Counter& counter = counters_[slot];
  if (counter.use->dropped || stopping_) return;
  if (counter.refill && placed.open &&
      local_state(counter, placed.window) == Pool::State::Unknown) {
    const std::int64_t lease = lease_for(counter, placed.window, now);
    if (lease > 0) {
      compose(slot, placed.window, lease, now);
      return;
    }
  }
  Schedule* const schedule = counters_.schedule(counter);
  if (counter.prepare && placed.open && schedule != nullptr &&
      schedule->lead_for_ms == placed.window.end_ms) {
    const std::int64_t period = counter.use->limit->period_ms;
    const Window next{placed.window.end_ms, placed.window.end_ms + period};
    if (schedule->prepared_ms >= next.end_ms) return;
    const std::int64_t lease = lease_for(counter, next, now);
    schedule->prepared_ms = next.end_ms;
    if (lease > 0) compose(slot, next, lease, now);
  }
}

void Gate::compose(std::uint32_t slot, const Window& window, std::int64_t lease, Mono now) {
  Counter& counter = counters_[slot];
  const Limit& limit = *counter.use->limit;
  const std::int64_t bound_ms = options_.clock.max_error_us / 1000;
  Waiting& waiting = counters_.make_waiting(counter);
  Reservation& request = reservations_.emplace_back();
  // The slot comes back with the answer, so that it is found without a search.
  request.id = (static_cast<std::uint64_t>(slot) << 32) | (++last_reservation_ & 0x7fff'ffffU) |
               0x8000'0000U;
  request.counter =
      limit.redis_key.expand(limit.name, counter.key.view(), limit.period_ms, window.start_ms);
  request.window = window;
  request.limit = limit.permits;
  request.ahead_ms = bound_ms;
  if (const auto reading = clock_.read(now)) {
    request.ahead_ms += std::max<std::int64_t>(0, window.start_ms - reading->earliest.us / 1000);
  }
  request.expire_at_ms = window.end_ms + bound_ms + kExpiryMarginMs;
  request.lease = lease;
  while (!waiting.due.empty()) {
    Waiters::Waiter& waiter = waiters_[waiting.due.first];
    if (request.costs.empty() || request.costs.back().cost != waiter.cost) {
      if (request.costs.size() == kMaxRuns) break;
      request.costs.push_back({waiter.cost, 0});
    }
    ++request.costs.back().count;
    waiter.asked = true;
    waiters_.move_first(waiting.due, waiting.asked);
  }
  waiting.reservation = request.id;
  waiting.window = window;
  waiting.costs = request.costs;
  ++stats_.reservations;
}

// What was asked is asked again, before what came later.
void Gate::again(std::uint32_t slot) {
  Waiting& waiting = counters_.make_waiting(counters_[slot]);
  waiting.reservation = 0;
  for (std::uint32_t at = waiting.asked.first; at != Waiters::kNone;) {
    const std::uint32_t next = waiters_[at].next;
    waiters_[at].asked = false;
    if (waiters_[at].gone) waiters_.remove(waiting.asked, at);
    at = next;
  }
  waiters_.put_before(waiting.asked, waiting.due);
  list_due(slot);
}

// What waits for the reservation; null where it is not under way any more.
Waiting* Gate::under_way(std::uint64_t reservation) {
  const auto slot = static_cast<std::uint32_t>(reservation >> 32);
  if (slot >= counters_.slots()) return nullptr;
  Waiting* const waiting = counters_.waiting(counters_[slot]);
  return waiting != nullptr && waiting->reservation == reservation ? waiting : nullptr;
}

// ---- The store's events -------------------------------------------------------------------

StoreClock::Measured Gate::measured(Mono sent, Mono received, StoreTime time) {
  const auto result = clock_.measure(sent, received, time);
  const std::int64_t took = std::max<std::int64_t>(1, received.us - sent.us);
  round_trip_us_ += (took - round_trip_us_) / 8;
  if (shared_ != nullptr && result != StoreClock::Measured::Kept) {
    publish_clock(received, result == StoreClock::Measured::Contradicted);
  }
  for (const std::uint32_t slot : unmeasured_) {
    counters_[slot].listed = false;
    list_due(slot);
  }
  unmeasured_.clear();
  return result;
}

void Gate::answered(std::uint64_t id, const ReserveAnswer& reply, Mono now) {
  Waiting* const waiting = under_way(id);
  if (waiting == nullptr) return;
  const auto slot = static_cast<std::uint32_t>(id >> 32);
  Counter& counter = counters_[slot];
  const Limit& limit = *counter.use->limit;
  const Window window = waiting->window;
  const CostRuns& costs = waiting->costs;
  Waiters::Line& asked = waiting->asked;
  if (reply.status == ReserveAnswer::Status::Spoilt) {
    failed(id, false, now);
    return;
  }
  if (reply.status != ReserveAnswer::Status::Looked || reply.granted.size() != costs.size()) {
    again(slot);
    return;
  }

  std::int64_t granted = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) granted += reply.granted[i] * costs[i].cost;
  stats_.reserved += granted + reply.leased;
  PoolTally tally;
  const bool kept = counter.pool.took(window, granted + reply.leased, reply.counter, limit.permits,
                                      limit.on_store_down == OnStoreDown::Allow, shared_, tally);
  settle(counter, tally, now);
  if (!kept) ++stats_.windows_lost;

  if (!costs.empty() && !inside(window, *counter.use, now) && !mutant("late-reply-granted")) {
    ++stats_.late_answers;  // charged, and granted to nobody
    stats_.stranded += granted + reply.leased;
    again(slot);
    return;
  }

  waiting->reservation = 0;
  std::int64_t counted = reply.counter - granted - reply.leased;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    for (std::int64_t n = 0; n < costs[i].count && !asked.empty(); ++n) {
      const bool allowed = kept && n < reply.granted[i];
      // Its asker has gone or was answered: charged, and spent by nobody.
      const bool unspent = allowed && waiters_[asked.first].gone;
      CheckResult result;
      if (!kept) {
        result = deny_locally(counter, Pool::State::Lost, window, now);
      } else if (!unspent) {
        if (allowed) counted += costs[i].cost;
        const std::int64_t remaining = std::max<std::int64_t>(0, limit.permits - counted);
        result.decision = decide(*counter.use, allowed ? Reason::Counted : Reason::OverLimit,
                                 allowed, remaining, now);
        if (!waiters_[asked.first].gone) count(*counter.use, result.decision);
      }
      if (allowed) (unspent ? stats_.stranded : stats_.spent) += costs[i].cost;
      if (allowed && counter.use->leased) note_spent(counter, costs[i].cost, now);
      answer(counter, asked, asked.first, result);
    }
  }
  if (!kept) stats_.stranded += granted + reply.leased;
  if (kept && reply.leased > 0) add_lease(counter, window, reply.leased, now);
  if (counter.use->leased) {
    look(counter, now);
    attend(slot, now);
  }
  list_due(slot);
}

void Gate::failed(std::uint64_t id, bool retry, Mono now) {
  Waiting* const waiting = under_way(id);
  if (waiting == nullptr) return;
  const auto slot = static_cast<std::uint32_t>(id >> 32);
  if (retry) {
    again(slot);
    return;
  }
  Counter& counter = counters_[slot];
  waiting->reservation = 0;
  if (mutant("time-out-counted-as-a-grant")) {
    CheckResult result;
    result.decision = decide(*counter.use, Reason::Counted, true, 0, now);
    answer_all(counter, waiting->asked, [&] { return result; });
  }
  answer_all(counter, waiting->asked, [&] { return by_policy(*counter.use, now); });
  list_due(slot);
}

void Gate::store_connecting() {
  store_ = StoreHealth::Connecting;
  for (std::uint32_t slot = 0; slot < counters_.slots(); ++slot) {
    const Waiting* const waiting = counters_.waiting(counters_[slot]);
    if (waiting != nullptr && waiting->reservation != 0) again(slot);
  }
  for (const std::uint32_t slot : unmeasured_) {
    counters_[slot].listed = false;
    list_due(slot);
  }
  unmeasured_.clear();
}

void Gate::store_up() { store_ = StoreHealth::Up; }

void Gate::store_away(Mono now) {
  store_connecting();
  store_ = StoreHealth::Away;
  for (std::uint32_t slot = 0; slot < counters_.slots(); ++slot) {
    Counter& counter = counters_[slot];
    Waiting* const waiting = counters_.waiting(counter);
    if (waiting == nullptr) continue;
    answer_all(counter, waiting->due, [&] { return by_policy(*counter.use, now); });
    counters_.ended_waiting(counter);
  }
}

void Gate::store_replaced() {
  clock_.forget();
  if (shared_ != nullptr) shared_->forget_clock();
  clock_published_ = Mono{INT64_MIN};
}

void Gate::lose_open_windows(Mono now) {
  const auto reading = clock_.read(now);
  if (!reading) return;
  lost_through_ = reading->latest;
  ++stats_.windows_lost;
  // Also what was reserved ahead: the counters of those windows are as lost.
  for (std::uint32_t slot = 0; slot < counters_.slots(); ++slot) {
    Counter& counter = counters_[slot];
    if (!counter.live || counter.use->limit->on_store_down == OnStoreDown::Allow) continue;
    PoolTally tally;
    counter.pool.give_up(true, shared_, tally);
    settle(counter, tally, now);
  }
}

void Gate::stop() {
  stopping_ = true;
  CheckResult result;
  result.verdict = Verdict::Stopping;
  store_connecting();
  for (std::uint32_t slot = 0; slot < counters_.slots(); ++slot) {
    Counter& counter = counters_[slot];
    if (Waiting* const waiting = counters_.waiting(counter)) {
      answer_all(counter, waiting->due, [&] { return result; });
      counters_.ended_waiting(counter);
    }
    if (counter.live && counter.use->leased) let_go(counter);
  }
}

}  // namespace rategate
