#include "daemon/core/lease_keeper.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "daemon/core/lease.hpp"

namespace rategate {
namespace {

// How often the clock's record is written anew though it has not become much better: each write
// costs every client a cache miss.
constexpr std::int64_t kClockEveryUs = 100'000;
constexpr std::int64_t kLongestTrustUs = 3600LL * 1'000'000;
constexpr std::uint32_t kLastLeaseMask = (1U << 24) - 1;
// A cost above this part of the limit is no demand for leases. docs/leases.md has what was tried.
constexpr std::int64_t kLargeCost = 64;
// A lease is to pay so many costs as are usual.
constexpr std::int64_t kCostsInLease = 4;

}  // namespace

LeaseKeeper::LeaseKeeper(Counters& counters, std::vector<Shard>& shards, Alarms& alarms,
                         Books& books, const Decider& decider, const ClearMarks& marks,
                         GateStats& stats, SharedPools* shared, std::uint64_t seed)
    : counters_(counters),
      shards_(shards),
      alarms_(alarms),
      books_(books),
      decider_(decider),
      marks_(marks),
      stats_(stats),
      shared_(shared),
      random_(seed),
      published_(shards.size()) {}

PoolBook LeaseKeeper::book_of(Counter& counter, Mono now) {
  PoolBook book{shared_,       books_, *counter.use, counter.demand, counters_.schedule(counter),
                stats_.forged, now};
  const Limit& limit = *counter.use->limit;
  if (counter.bucket != nullptr && limit.settle == Settle::Store) {
    book.spent_lately = &counter.bucket->spent;
    book.settle_within_us = limit.settle_within_ms * 1000;
  }
  return book;
}

PoolBook LeaseKeeper::book_of(Counter& counter, const Window& window, Mono now) {
  PoolBook book = book_of(counter, now);
  const auto reading = shard_of(counter).clock.read(now);
  book.ahead = reading && window.start_ms * 1000 > reading->latest.us;
  return book;
}

// The table of slots may name one that is not the counter's any more.
bool LeaseKeeper::has_slot(CounterId id, SlotId slot) const {
  return counters_.contains(id) && counters_[id].pool.slot() == slot;
}

void LeaseKeeper::look(Counter& counter, Mono now) {
  PoolBook book = book_of(counter, now);
  counter.pool.look(book);
}

void LeaseKeeper::look_at_some(Mono now) {
  if (shared_ == nullptr) return;
  shared_->visit_some([&](SlotId slot, CounterId owner) {
    if (has_slot(owner, slot)) look(counters_[owner], now);
  });
}

// ---- Spending and filling -------------------------------------------------------------------

bool LeaseKeeper::spend(CounterId id, const Window& window, const CostRun& run, Mono now) {
  Counter& counter = counters_[id];
  if (!counter.use->limit->algorithm->has_windows) return spend_of_slices(id, run, now);
  PoolBook book = book_of(counter, now);
  if (!counter.pool.take(window, run.cost * run.count, book)) return false;
  note_demand(counter, run, now);
  watch_level(id, window, now);
  return true;
}

bool LeaseKeeper::charged(Counter& counter, const Window& window, std::int64_t permits,
                          std::int64_t in_store, bool anew, Mono now) {
  const Limit& limit = *counter.use->limit;
  const bool restarts = anew || limit.on_store_down == OnStoreDown::Allow;
  const auto below = restarts ? Pool::Below::Restart : Pool::Below::Lost;
  PoolBook book = book_of(counter, window, now);
  return counter.pool.charged(window, permits, in_store, limit, below, book);
}

bool LeaseKeeper::is_demand(const Limit& limit, std::int64_t cost) {
  const std::int64_t most = limit.algorithm->has_windows ? limit.permits : burst_of(limit);
  return cost <= std::max<std::int64_t>(1, most / kLargeCost);
}

void LeaseKeeper::note_demand(Counter& counter, const CostRun& run, Mono now) {
  PoolBook book = book_of(counter, now);
  if (!is_demand(*counter.use->limit, run.cost)) {
    book.note_demand(0);
    return;
  }
  // One step towards this cost: so it comes to the median of their logarithms.
  const auto width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(run.cost))) - 1;
  if (width > counter.cost_log2) ++counter.cost_log2;
  if (width < counter.cost_log2) --counter.cost_log2;
  book.note_demand(run.cost * run.count);
}

std::int64_t LeaseKeeper::good_until_ms(Counter& counter, const Window& window, Mono now) {
  if (counter.use->limit->algorithm->has_windows) return window.end_ms;
  look(counter, now);
  const auto reading = shard_of(counter).clock.read(now);
  return reading ? counter.pool.first_end_beyond(reading->latest) : 0;
}

void LeaseKeeper::note_spent_of_bucket(Counter& counter, const CostRun& run, Mono now) {
  const Limit& limit = *counter.use->limit;
  if (limit.settle != Settle::Store) return;
  counter.bucket->spent.spent(run.cost * run.count, now, limit.settle_within_ms * 1000);
}

Hand LeaseKeeper::take_hand(Counter& counter, const Window& window, Mono now) {
  PoolBook book = book_of(counter, now);
  return counter.pool.take_hand(window, book);
}

// A window that may be over is still denied by; a slice is for nothing but spending.
bool LeaseKeeper::is_over(const Counter& counter, const Window& window,
                          const ClockReading& reading) {
  const bool has_windows = counter.use->limit->algorithm->has_windows;
  const StoreTime now = has_windows ? reading.earliest : reading.latest;
  return window.end_ms * 1000 <= now.us;
}

void LeaseKeeper::take_in(Counter& counter, const Window& window, const Hand& unspent,
                          std::int64_t lease, Mono now) {
  const auto reading = shard_of(counter).clock.read(now);
  const bool over = !reading || is_over(counter, window, *reading);
  const std::int64_t permits = unspent.permits() + lease;
  if (over || counter.use->dropped) {
    if (over && permits > 0) ++stats_.late_answers;
    if (over && counter.bucket != nullptr) {
      counter.bucket->loss.over(lease, lease, now, counter.use->slices.slice_ms);
    }
    books_.stranded(permits);
    return;
  }
  PoolBook book = book_of(counter, window, now);
  const std::int64_t chunk = chunk_of(window.end_ms - window.start_ms, counter.last_lease);
  counter.pool.put_back(window, unspent, book);
  if (lease > 0 && !counter.use->slices.none()) {
    lease_slice(counter, window, lease, now);
  } else if (lease > 0) {
    counter.pool.add(window, lease, chunk, book);
  }
  if (counter.pool.state(window) == Pool::State::Exhausted) counter.pool.show(window, 0, book);
}

// Shows more of the stock, or wants the lease renewed, where the pool has become low.
void LeaseKeeper::watch_level(CounterId id, const Window& window, Mono now) {
  Counter& counter = counters_[id];
  const std::int64_t stock = counter.pool.stock(window);
  const std::int64_t held = counter.pool.held(window);
  if (held - stock >= counter.pool.low_water() && held > 0) return;
  if (stock > 0) {
    PoolBook book = book_of(counter, now);
    counter.pool.show(window, chunk_of(window.end_ms - window.start_ms, counter.last_lease), book);
  }
  if (held >= counter.pool.low_water() || counter.renew) return;
  if (counter.pool.state(window) == Pool::State::Unknown) want(id);
}

void LeaseKeeper::want(CounterId id) {
  counters_[id].renew = true;
  list(id);
}

void LeaseKeeper::list(CounterId id) {
  Counter& counter = counters_[id];
  if (counter.lease_listed || (!counter.renew && !counter.renew_next && !counter.confirm)) return;
  // What is asked for a line that waits brings a lease along; with its answer it is listed again.
  const Line* const line = counters_.line(counter);
  if (line != nullptr && line->busy()) return;
  counter.lease_listed = true;
  shard_of(counter).leases.push_back(id);
}

LeaseKeeper::Wanted LeaseKeeper::lease_for(Counter& counter, const Window& window,
                                           std::int64_t waiting, Mono now) {
  if (!counter.use->leased || counter.use->dropped) return {window};
  if (!counter.use->limit->algorithm->has_windows) return bucket_lease_for(counter, waiting, now);
  look(counter, now);
  const std::int64_t period_ms = counter.use->limit->period_ms;
  const std::int64_t bucket = counter.use->demand_us;
  // Clients choose how many wait, and at which costs: more than a limit can have is as good as
  // that.
  waiting = std::min(waiting, kMaxPermits);
  LeaseInput input;
  input.period_ms = period_ms;
  input.rate = counter.demand.rate(now, bucket) + waiting * 1'000'000 / bucket;
  input.lately = counter.demand.lately(now, bucket) + waiting;
  input.held = counter.pool.held(window);
  input.left_ms = period_ms;
  Shard& shard = shard_of(counter);
  if (const auto reading = shard.clock.read(now)) {
    input.left_ms = std::min(period_ms, window.end_ms - reading->latest.us / 1000);
  }
  return {window, leases(counter, lease_size(input), input.rate, input.lately, now)};
}

// What a lease of that size is, and when the pool is low then.
std::int64_t LeaseKeeper::leases(Counter& counter, std::int64_t lease, std::int64_t rate,
                                 std::int64_t lately, Mono now) {
  if (counter.cost_log2 > 0 && lease < kCostsInLease << counter.cost_log2) lease = 0;
  counter.last_lease = static_cast<std::uint32_t>(lease) & kLastLeaseMask;
  PoolBook book = book_of(counter, now);
  const std::int64_t round_trip_us = shard_of(counter).round_trip_us;
  std::int64_t low = low_water(rate, lately, round_trip_us, lease);
  // Where little is shown at once, what is shown again is not to be low at once.
  if (const auto chunk = chunk_of_slices(counter); chunk < kMaxHeld) low = std::min(low, chunk / 2);
  counter.pool.set_low_water(low, book);
  return lease;
}

std::optional<LeaseKeeper::Wanted> LeaseKeeper::wanted(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  const bool renew = counter.renew;
  const bool renew_next = counter.renew_next;
  counter.renew = counter.renew_next = false;
  LimitUse& use = *counter.use;
  if (use.dropped || now < use.refused_until) return std::nullopt;
  const auto reading = shard_of(counter).usable(*use.limit, now);
  if (!reading) return std::nullopt;
  const Placed at = use.place(*reading);
  if (!at.open) return std::nullopt;
  if (renew && decider_.state_of(counter, at.window, now) == WindowState::Open) {
    const Wanted lease = lease_for(counter, at.window, 0, now);
    if (lease.permits > 0) return lease;
  }
  Schedule* const schedule = counters_.schedule(counter);
  if (!renew_next || schedule == nullptr || schedule->lead_for_ms != at.window.end_ms) {
    return std::nullopt;
  }
  const Window next = use.next_after(at.window);
  if (schedule->renewed_ms >= next.end_ms) return std::nullopt;
  schedule->renewed_ms = next.end_ms;
  if (decider_.state_of(counter, next, now) != WindowState::Open) return std::nullopt;
  const Wanted lease = lease_for(counter, next, 0, now);
  if (lease.permits <= 0) return std::nullopt;
  return lease;
}

// ---- The segment ----------------------------------------------------------------------------

void LeaseKeeper::share_pool(CounterId id, std::int64_t over_ms, Mono now) {
  Counter& counter = counters_[id];
  if (!sharing_ || !counter.pool.slot().is_none() || counter.use->rule == 0 ||
      counter.use->dropped) {
    return;
  }
  const SlotId taken = shared_->take(whose_of(counter, id), over_ms, [&](CounterId owner) {
    PoolBook book = book_of(counters_[owner], now);
    counters_[owner].pool.move_to({}, book);
  });
  if (taken.is_none()) {
    ++stats_.table_full;
    return;
  }
  PoolBook book = book_of(counter, now);
  counter.pool.move_to(taken, book);
}

CounterId LeaseKeeper::nudged(SlotId slot) {
  ++stats_.nudges;
  if (shared_ == nullptr) return {};
  const CounterId id = shared_->owner(slot);
  return has_slot(id, slot) ? id : CounterId{};
}

void LeaseKeeper::renew_if_low(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  look(counter, now);
  const auto reading = shard_of(counter).usable(*counter.use->limit, now);
  if (!reading) return;
  const Placed at = counter.use->place(*reading);
  if (!counter.use->limit->algorithm->has_windows) {
    watch_slices(id, *reading, now);
  } else if (at.open) {
    watch_level(id, at.window, now);
  }
  attend(id, now);
}

void LeaseKeeper::publish_clock(ShardId shard, Mono now, bool anew) {
  const StoreClock& clock = shards_[shard.value].clock;
  const auto measured = clock.measured();
  if (shared_ == nullptr || !measured) return;
  Published& published = published_[shard.value];
  const bool due = published.at.us == INT64_MIN || now >= after(published.at, kClockEveryUs);
  const bool better = measured->error_us < published.error_us - published.error_us / 4;
  if (!anew && !due && !better) return;
  const StoreClock::Options& options = clock.options();
  const std::int64_t room = std::max<std::int64_t>(0, options.max_error_us - measured->error_us);
  const std::int64_t trusted =
      options.max_drift_ppm == 0
          ? kLongestTrustUs
          : std::min(kLongestTrustUs, room * 1'000'000 / options.max_drift_ppm);
  shared_->set_clock(shard, measured->offset_us, measured->error_us, measured->at,
                     options.max_drift_ppm, room == 0 ? Mono{0} : after(measured->at, trusted));
  published = {now, measured->error_us};
}

void LeaseKeeper::set_clients_behind(std::int64_t ns, Mono now) {
  if (shared_ == nullptr) return;
  shared_->set_clients_behind(ns);
  for (std::size_t at = 0; at < published_.size(); ++at) {
    const ShardId shard{static_cast<std::uint16_t>(at)};
    if (published_[at].at.us != INT64_MIN) publish_clock(shard, now, true);
  }
}

void LeaseKeeper::forget_clock(ShardId shard) {
  if (shared_ != nullptr) shared_->forget_clock(shard);
  published_[shard.value] = {};
}

// ---- Letting go -----------------------------------------------------------------------------

void LeaseKeeper::give_up(Counter& counter, Mono now) {
  PoolBook book = book_of(counter, now);
  if (counter.use->slices.none()) return counter.pool.give_up(book);
  counter.pool.give_up_slices(book);
  leave_emptied_slot(counter, now);
}

void LeaseKeeper::lose(Counter& counter, Mono now) {
  PoolBook book = book_of(counter, now);
  counter.pool.lose(book);
  leave_emptied_slot(counter, now);
}

void LeaseKeeper::recounted(Counter& counter, const Window& window, std::int64_t count, Mono now) {
  PoolBook book = book_of(counter, window, now);
  if (counter.told_in != counter.shard.value) counter.pool.forget_recounts();
  counter.told_in = static_cast<std::uint8_t>(counter.shard.value);
  counter.pool.recounted(window, count, *counter.use->limit, book);
}

void LeaseKeeper::let_go(Counter& counter, Mono now) {
  if (!counter.live || (!counter.use->leased && counter.pool.held() == 0)) return;
  look(counter, now);
  give_rests_back(counter, StoreTime{INT64_MAX}, now);
  if (const std::int64_t end_ms = counter.pool.last_end_ms(); end_ms != 0) {
    release_stock(counter, counter.use->window_ending(end_ms));
  }
  lose(counter, now);
  hide(counter, now);
}

void LeaseKeeper::hide(Counter& counter, Mono now) {
  const SlotId slot = counter.pool.slot();
  if (slot.is_none()) return;
  PoolBook book = book_of(counter, now);
  counter.pool.move_to({}, book);
  shared_->give_back(slot);
}

void LeaseKeeper::leave_emptied_slot(Counter& counter, Mono now) {
  const SlotId slot = counter.pool.slot();
  if (slot.is_none()) return;
  if (shared_->spent_of(slot, 0) + shared_->spent_of(slot, 1) > 0) hide(counter, now);
}

void LeaseKeeper::drop_limits(Mono now) {
  counters_.for_each_id([&](CounterId id) {
    if (counters_[id].use->dropped) let_go(counters_[id], now);
  });
  if (shared_ != nullptr) shared_->rules_changed();
}

// ---- Coming back by itself ------------------------------------------------------------------

void LeaseKeeper::attend(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  const LimitUse& use = *counter.use;
  // A bucket is attended to when it is asked for. Of a window that is not leased and long it has to
  // be doubted that it is exhausted, as permits may be given back.
  const bool lasts = use.leased || use.limit->period_ms > kLongPeriodMs;
  if (!lasts || use.dropped) return;
  if (!use.limit->algorithm->has_windows) {
    if (!use.log.none()) attend_slices(id, now);
    return;
  }
  const auto reading = shard_of(counter).usable(*counter.use->limit, now);
  if (!reading) return;
  look(counter, now);
  const Placed at = counter.use->place(*reading);
  if (counter.use->limit->period_ms > kLongPeriodMs) {
    attend_long_window(id, at, now);
  } else {
    attend_next_window(id, at, now);
  }
}

void LeaseKeeper::attend_next_window(CounterId id, const Placed& placed, Mono now) {
  Counter& counter = counters_[id];
  const std::int64_t period_ms = counter.use->limit->period_ms;
  const std::int64_t bucket = counter.use->demand_us;
  if (!is_hot(period_ms, counter.demand.rate(now, bucket))) return;
  const Shard& shard = shard_of(counter);
  const auto reading = shard.clock.read(now);
  if (!reading) return;
  Schedule& schedule = counters_.make_schedule(counter);
  // Between two windows it is too late for the one that comes, and early for the one after.
  const std::int64_t end_ms = placed.window.end_ms;
  if (placed.open && schedule.renewed_ms < end_ms + period_ms) {
    if (schedule.lead_for_ms != end_ms) {
      schedule.lead_for_ms = end_ms;
      schedule.lead_us =
          lead_us(period_ms, shard.round_trip_us, reading->error_us(), random_.of_1024());
    }
    const std::int64_t in_us = end_ms * 1000 - schedule.lead_us - reading->latest.us;
    if (in_us > 0) {
      alarms_.set(id, after(now, in_us));
    } else {
      counter.renew_next = true;
      list(id);
    }
    return;
  }
  // Reserved already: look again when it is open, whoever uses it.
  alarms_.set(id, after(now, end_ms * 1000 - reading->earliest.us + 1));
}

void LeaseKeeper::attend_long_window(CounterId id, const Placed& placed, Mono now) {
  Counter& counter = counters_[id];
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
      alarms_.set(id, after(schedule.used, kIdleUs));
    }
  }
  if (exhausted) doubt(counter, id, window, schedule, now);
}

// Other hosts may give permits back, so that "exhausted" is believed for a while only.
void LeaseKeeper::doubt(Counter& counter, CounterId id, const Window& window, Schedule& schedule,
                        Mono now) {
  if (schedule.believe_for_ms != window.end_ms) {
    schedule.believe_for_ms = window.end_ms;
    schedule.doubts = 0;
  }
  if (schedule.believe_until == Mono{0}) {
    schedule.believe_until = after(now, exhausted_for_us(schedule.doubts, random_.of_1024()));
    if (schedule.doubts < 8) ++schedule.doubts;
  }
  if (now < schedule.believe_until) {
    alarms_.set(id, schedule.believe_until);
    return;
  }
  schedule.believe_until = Mono{0};
  PoolBook book = book_of(counter, now);
  counter.pool.doubt(window, book);
}

}  // namespace rategate
