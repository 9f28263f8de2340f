// The gate's leases: when pools are filled, looked at, shown and given back.
#include <algorithm>

#include "daemon/base/mutant.hpp"
#include "daemon/core/gate.hpp"
#include "daemon/core/lease.hpp"

namespace rategate {
namespace {

// How often the clock's record is written anew though it has not become much better: each write
// costs every client a cache miss.
constexpr std::int64_t kClockEveryUs = 100'000;
constexpr std::int64_t kLongestTrustUs = 3600LL * 1'000'000;

}  // namespace

std::int64_t Gate::jitter() {
  // xorshift64 (Marsaglia 2003).
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<std::int64_t>(random_ >> 54);
}

std::int64_t Gate::held() const {
  std::int64_t held = 0;
  counters_.for_each([&](const Counter& counter) { held += counter.pool.held(); });
  return held;
}

// ---- What was spent -------------------------------------------------------------------------

void Gate::note_spent(Counter& counter, std::int64_t permits, Mono now) {
  if (Schedule* const schedule = counters_.schedule(counter)) schedule->used = now;
  counter.demand.spent(now, permits, Demand::bucket_us(counter.use->limit->period_ms));
}

// Books what a pool's look has found.
void Gate::settle(Counter& counter, PoolTally& tally, Mono now) {
  if (tally.spent > 0) {
    note_spent(counter, tally.spent, now);
    counter.use->shared += static_cast<std::uint64_t>(tally.spent);
    stats_.shared += tally.spent;
  }
  stats_.stranded += tally.stranded;
  stats_.forged += static_cast<std::uint64_t>(tally.forged);
  tally = PoolTally{};
}

void Gate::look(Counter& counter, Mono now) {
  PoolTally tally;
  counter.pool.look(shared_, tally);
  settle(counter, tally, now);
}

bool Gate::spend(std::uint32_t slot, const Window& window, std::int64_t cost, Mono now) {
  Counter& counter = counters_[slot];
  PoolTally tally;
  const bool spent = counter.pool.take(window, cost, shared_, tally);
  settle(counter, tally, now);
  if (!spent) return false;
  stats_.spent += cost;
  note_spent(counter, cost, now);
  watch_level(slot, window, now);
  return true;
}

// ---- Filling --------------------------------------------------------------------------------

std::int64_t Gate::lease_for(Counter& counter, const Window& window, Mono now) {
  if (!counter.use->leased || counter.use->dropped) return 0;
  look(counter, now);
  const std::int64_t period_ms = counter.use->limit->period_ms;
  const std::int64_t bucket = Demand::bucket_us(period_ms);
  std::int64_t waiting = 0;
  if (const Waiting* const line = counters_.waiting(counter)) {
    for (std::uint32_t at = line->due.first; at != Waiters::kNone; at = waiters_[at].next) {
      waiting += waiters_[at].cost;
    }
  }
  LeaseInput input;
  input.period_ms = period_ms;
  input.rate = counter.demand.rate(now, bucket) + waiting * 1'000'000 / bucket;
  input.lately = counter.demand.lately(now, bucket) + waiting;
  input.held = counter.pool.held(window);
  input.left_ms = period_ms;
  if (const auto reading = clock_.read(now)) {
    input.left_ms = std::min(period_ms, window.end_ms - reading->latest.us / 1000);
  }
  const std::int64_t lease = lease_size(input);
  counter.last_lease = static_cast<std::int32_t>(lease);
  counter.pool.set_low_water(low_water(input.rate, round_trip_us_, lease), shared_);
  return lease;
}

void Gate::add_lease(Counter& counter, const Window& window, std::int64_t permits, Mono now) {
  Window into = window;
  const auto reading = clock_.read(now);
  if (mutant("late-reply-granted") && reading) {
    into = place(*reading, window.end_ms - window.start_ms).window;
  }
  const bool over = !reading || into.end_ms * 1000 <= reading->earliest.us;
  if (over || counter.use->dropped) {
    if (over) ++stats_.late_answers;
    stats_.stranded += permits;
    return;
  }
  PoolTally tally;
  counter.pool.add(into, permits, chunk_of(window.end_ms - window.start_ms, counter.last_lease),
                   shared_, tally);
  settle(counter, tally, now);
}

// Shows more of the stock, or wants a refill, where the pool has become low.
void Gate::watch_level(std::uint32_t slot, const Window& window, Mono now) {
  Counter& counter = counters_[slot];
  const std::int64_t stock = counter.pool.stock(window);
  const std::int64_t held = counter.pool.held(window);
  if (held - stock >= counter.pool.low_water() && held > 0) return;
  if (stock > 0) {
    PoolTally tally;
    counter.pool.show(window, chunk_of(window.end_ms - window.start_ms, counter.last_lease),
                      shared_, tally);
    settle(counter, tally, now);
  }
  if (held >= counter.pool.low_water() || counter.refill) return;
  if (counter.pool.state(window) != Pool::State::Unknown) return;
  counter.refill = true;
  list_due(slot);
}

void Gate::nudged(std::uint32_t number, Mono now) {
  ++stats_.nudges;
  if (shared_ == nullptr || stopping_) return;
  const std::uint32_t slot = shared_->owner(number);
  if (slot >= counters_.slots() || counters_[slot].pool.slot() != number) return;
  Counter& counter = counters_[slot];
  look(counter, now);
  const auto reading = clock_.read(now);
  if (!reading || !usable(*reading, *counter.use->limit)) return;
  const Placed at = placed(*counter.use, *reading);
  if (at.open) watch_level(slot, at.window, now);
  attend(slot, now);
}

// ---- The segment ----------------------------------------------------------------------------

void Gate::share_pool(std::uint32_t slot, std::int64_t over_ms, Mono now) {
  Counter& counter = counters_[slot];
  if (counter.pool.slot() != SharedPools::kNone || counter.use->rule == 0 || counter.use->dropped) {
    return;
  }
  const std::uint32_t taken =
      shared_->take(counter.use->rule, counter.key.view(), slot, over_ms, [&](std::uint32_t owner) {
        PoolTally tally;
        counters_[owner].pool.move_to(SharedPools::kNone, shared_, tally);
        settle(counters_[owner], tally, now);
      });
  if (taken == SharedPools::kNone) {
    ++stats_.table_full;
    return;
  }
  PoolTally tally;
  counter.pool.move_to(taken, shared_, tally);
  settle(counter, tally, now);
}

// Everything it holds goes: stock back to the store, the rest to nobody.
void Gate::let_go(Counter& counter) {
  if (!counter.live || !counter.use->leased) return;
  PoolTally tally;
  counter.pool.look(shared_, tally);
  if (const auto window = counter.pool.newest(counter.use->limit->period_ms)) {
    release_stock(counter, *window);
  }
  if (mutant("lowered-limit-ignored")) return;
  counter.pool.give_up(false, shared_, tally);
  counter.use->shared += static_cast<std::uint64_t>(tally.spent);
  stats_.shared += tally.spent;
  stats_.stranded += tally.stranded;
  stats_.forged += static_cast<std::uint64_t>(tally.forged);
  if (counter.pool.slot() != SharedPools::kNone) {
    shared_->give_back(counter.pool.slot());
    counter.pool.forget_slot();
  }
}

void Gate::look_at_pools(Mono now) {
  if (shared_ == nullptr) return;
  for (std::uint32_t slot = 0; slot < counters_.slots(); ++slot) {
    if (counters_[slot].pool.slot() != SharedPools::kNone) look(counters_[slot], now);
  }
}

void Gate::drop_limits(Mono now) {
  for (std::uint32_t slot = 0; slot < counters_.slots(); ++slot) {
    Counter& counter = counters_[slot];
    if (!counter.live || !counter.use->dropped) continue;
    look(counter, now);
    let_go(counter);
  }
  if (shared_ != nullptr) shared_->rules_changed();
}

void Gate::publish_clock(Mono now, bool anew) {
  const auto measured = clock_.measured();
  if (!measured) return;
  const bool due =
      clock_published_.us == INT64_MIN || now >= after(clock_published_, kClockEveryUs);
  const bool better = measured->error_us < published_error_us_ - published_error_us_ / 4;
  if (!anew && !due && !better) return;
  const StoreClock::Options& options = clock_.options();
  const std::int64_t room = std::max<std::int64_t>(0, options.max_error_us - measured->error_us);
  const std::int64_t trusted =
      options.max_drift_ppm == 0
          ? kLongestTrustUs
          : std::min(kLongestTrustUs, room * 1'000'000 / options.max_drift_ppm);
  shared_->set_clock(measured->offset_us, measured->error_us, measured->at, options.max_drift_ppm,
                     room == 0 ? Mono{0} : after(measured->at, trusted));
  clock_published_ = now;
  published_error_us_ = measured->error_us;
}

// ---- Coming back by itself ------------------------------------------------------------------

void Gate::wake_at(std::uint32_t slot, Mono at) {
  Schedule& schedule = counters_.make_schedule(counters_[slot]);
  if (at >= schedule.wake) return;
  schedule.wake = at;
  wakes_.push({at, slot});
}

// What a counter's alarm is for: the window that opens, the next one to be reserved, stock to be
// given back, an exhausted window to be doubted. Asks for the next alarm itself.
void Gate::attend(std::uint32_t slot, Mono now) {
  Counter& counter = counters_[slot];
  if (!counter.use->leased || counter.use->dropped || stopping_) return;
  const auto reading = clock_.read(now);
  if (!reading || !usable(*reading, *counter.use->limit)) return;
  look(counter, now);
  const Placed at = placed(*counter.use, *reading);
  if (counter.use->limit->period_ms > kLongPeriodMs) {
    attend_long_window(slot, at, now);
  } else {
    attend_next_window(slot, at, now);
  }
}

void Gate::attend_next_window(std::uint32_t slot, const Placed& placed, Mono now) {
  Counter& counter = counters_[slot];
  const std::int64_t period_ms = counter.use->limit->period_ms;
  const std::int64_t bucket = Demand::bucket_us(period_ms);
  if (!is_hot(period_ms, counter.demand.rate(now, bucket))) return;
  const auto reading = clock_.read(now);
  if (!reading) return;
  Schedule& schedule = counters_.make_schedule(counter);
  // Between two windows it is too late for the one that comes, and early for the one after.
  const std::int64_t end_ms = placed.window.end_ms;
  if (placed.open && schedule.prepared_ms < end_ms + period_ms) {
    if (schedule.lead_for_ms != end_ms) {
      schedule.lead_for_ms = end_ms;
      schedule.lead_us = lead_us(period_ms, round_trip_us_, reading->error_us(), jitter());
    }
    const std::int64_t in_us = end_ms * 1000 - schedule.lead_us - reading->latest.us;
    if (in_us > 0) {
      wake_at(slot, after(now, in_us));
    } else {
      counter.prepare = true;
      list_due(slot);
    }
    return;
  }
  // Reserved already: look again when it is open, whoever uses it.
  wake_at(slot, after(now, end_ms * 1000 - reading->earliest.us + 1));
}

void Gate::attend_long_window(std::uint32_t slot, const Placed& placed, Mono now) {
  Counter& counter = counters_[slot];
  if (!placed.open) return;
  const Window window = placed.window;
  const bool exhausted = counter.pool.state(window) == Pool::State::Exhausted;
  if (counter.pool.stock(window) == 0 && !exhausted) return;
  const bool first = counters_.schedule(counter) == nullptr;
  Schedule& schedule = counters_.make_schedule(counter);
  if (first) schedule.used = now;  // its permits have just come
  if (counter.pool.stock(window) > 0) {
    if (now >= after(schedule.used, kIdleUs)) {
      release_stock(counter, window);
    } else {
      wake_at(slot, after(schedule.used, kIdleUs));
    }
  }
  if (!exhausted) return;
  if (schedule.believe_for_ms != window.end_ms) {
    schedule.believe_for_ms = window.end_ms;
    schedule.doubts = 0;
  }
  if (schedule.believe_until == Mono{0}) {
    schedule.believe_until = after(now, exhausted_for_us(schedule.doubts, jitter()));
    if (schedule.doubts < 8) ++schedule.doubts;
  }
  if (now < schedule.believe_until) {
    wake_at(slot, schedule.believe_until);
    return;
  }
  schedule.believe_until = Mono{0};
  PoolTally tally;
  counter.pool.doubt(window, shared_, tally);
  settle(counter, tally, now);
}

void Gate::release_stock(Counter& counter, const Window& window) {
  const Limit& limit = *counter.use->limit;
  if (limit.period_ms <= kLongPeriodMs) return;
  const std::int64_t permits = counter.pool.take_stock(window);
  if (permits == 0) return;
  stats_.released += permits;
  releases_.push_back(
      {limit.redis_key.expand(limit.name, counter.key.view(), limit.period_ms, window.start_ms),
       permits});
  if (mutant("release-repeated")) {
    const Release again = releases_.back();
    releases_.push_back(again);
  }
}

}  // namespace rategate
