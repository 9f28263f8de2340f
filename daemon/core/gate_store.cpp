// The store's events: what its connections, its clocks and its answers tell, what it may have lost,
// and where the slots of a cluster are.
#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "daemon/base/hash_slot.hpp"
#include "daemon/core/gate.hpp"
#include "daemon/core/lease.hpp"

namespace rategate {
namespace {

// All counters are looked at for what is to be told of them not more often than that.
constexpr std::int64_t kTellEveryUs = 500'000;
// Counters that are looked at: some 0.5 ms, measured.
constexpr std::uint32_t kToldInOneTurn = 4096;

}  // namespace

StoreClock::Measured Gate::measured(ShardId id, Mono sent, Mono received, StoreTime time) {
  Shard& shard = this->shard(id);
  const auto result = shard.clock.measure(sent, received, time);
  const std::int64_t took = std::max<std::int64_t>(1, received.us - sent.us);
  shard.round_trip_us += (took - shard.round_trip_us) / 8;
  if (result == StoreClock::Measured::Contradicted) {
    shard.had_data = {};
    give_up_slices(id, received);
    if (const auto reading = shard.clock.read(received)) shard.lost.not_after(reading->latest);
  }
  if (result != StoreClock::Measured::Kept) {
    keeper_.publish_clock(id, received, result == StoreClock::Measured::Contradicted);
  }
  reserver_.measured(id, received);
  pass_on(received);
  return result;
}

void Gate::answered(std::uint64_t reservation, const ReserveAnswer& answer, Mono now, bool more) {
  reserver_.answered(reservation, answer, now);
  if (more) return;
  ask_for_clears(now);
  pass_on(now);
}

const Limit* Gate::failed(std::uint64_t reservation, Failure failure, Mono now) {
  const Limit* const told = reserver_.failed(reservation, failure, now);
  ask_for_clears(now);
  pass_on(now);
  return told;
}

bool Gate::store_connecting(ShardId id, Mono now) {
  Shard& shard = this->shard(id);
  if (shard.health.is_up()) shard.down_since = now;
  const bool news = shard.health.connecting();
  keeper_.strand_releases(shard);
  recounter_.put_back(id);
  reserver_.forget_under_way(id, now);
  lose_clears(id, now);
  leave_shard(id, now);
  holds_.store_connecting(id, now);
  return news;
}

bool Gate::store_up(ShardId id) {
  losses_.slots.greeted(id);
  decider_.store_up();
  return shard(id).health.up();
}

bool Gate::store_away(ShardId id, Mono now) {
  store_connecting(id, now);
  const bool news = shard(id).health.away();
  reserver_.answer_all(id, [&](const Counter& counter, const Ask& ask) {
    return decider_.by_policy(counter, ask, now);
  });
  holds_.store_away(id, now);
  return news;
}

// The clock by which they end is not the one they were leased by.
void Gate::give_up_slices(ShardId id, Mono now) {
  counters_.for_each_id([&](CounterId counter) {
    if (counters_[counter].shard == id) reserver_.give_up_slices(counter, now);
  });
  drop_hands_of_slices(id, now);
}

// Of a cluster it may be the primary of other counters: those that are elsewhere now must not be
// judged by its clock.
void Gate::store_replaced(ShardId id, Mono now) {
  shard(id).clock.forget();
  shard(id).had_data = {};
  keeper_.forget_clock(id);
  give_up_slices(id, now);
  if (!options_.shard_of) return;
  std::vector<CounterId> shown;
  counters_.for_each_id([&](CounterId counter) {
    if (counters_[counter].shard == id && !counters_[counter].pool.slot().is_none()) {
      shown.push_back(counter);
    }
  });
  for (const CounterId counter : shown) follow_slot(counter, now);
  pass_on(now);
}

bool Gate::lose_windows(ShardId id, const Loss& loss, Mono now) {
  Shard& shard = this->shard(id);
  const auto reading = shard.clock.read(now);
  if (!reading) return false;
  if (loss.through.us > 0) lose_holds(loss, *reading, now);
  shard.lost.not_after(reading->latest);
  const StoreTime through = std::min(loss.through, reading->latest);
  // No window is as long, those included that were reserved ahead; a bucket may fill for longer.
  const bool of_windows =
      through.us >= reading->earliest.us - (kMaxPeriodMs + kLongPeriodMs) * 1000;
  if (through.us < reading->earliest.us - kMostFillUs) return false;
  const bool more = through > shard.lost.through();
  if (!more && !loss.anew) return false;
  const bool known = loss.through.us != INT64_MAX;
  const Mono lost_at = known ? Mono{now.us - (reading->latest.us - through.us)} : kNever;
  if (more) {
    shard.lost.lose_all(through, loss.margin_us, loss.recounts);
    shard.lost_by = std::min(lost_at, now);
    if (of_windows) ++stats_.windows_lost;
    losses_.slots.heard(id, shard.lost, lost_at, *reading, now);
  }
  // Also what was reserved ahead: the counters of those windows are as lost.
  counters_.for_each_id([&](CounterId counter_id) {
    Counter& counter = counters_[counter_id];
    // One that nobody has asked for since its slot came here is lost as well.
    if (counter.pool.last_end_ms() * 1000 > reading->earliest.us) follow_slot(counter_id, now);
    const bool gone = options_.shard_of && counter.shard != id &&
                      losses_.slots.concerns(Decider::slot_of(counter), id, lost_at, now);
    if (counter.shard != id && !gone) return;
    reserver_.void_bookings(counter_id, now);
    if (loss.recounts) {
      recounter_.lose(counter_id, now);
    } else if (counter.use->limit->on_store_down != OnStoreDown::Allow) {
      keeper_.give_up(counter, now);
    }
  });
  drop_hands_of_slices(id, now);
  pass_on(now);
  return more && of_windows;
}

std::vector<Gate::Refused> Gate::recounted(ShardId id, std::span<const Recount> recounts,
                                           std::span<const ReserveAnswer> answers, Mono now) {
  recounter_.over(id);
  std::vector<Refused> refused;
  for (std::size_t i = 0; i < recounts.size(); ++i) {
    const CounterId counter = Recounter::id_of(recounts[i]);
    if (answers[i].status == ReserveAnswer::Status::Looked) {
      recounter_.told(id, recounts[i], answers[i].counter, now);
      if (counters_.is_live(counter)) reserver_.serve(counter, now);
    } else if (counters_.is_live(counter)) {
      const Limit* const limit = reserver_.refuse_counter(counter, now);
      if (limit != nullptr) refused.push_back({limit, answers[i].error});
    }
  }
  pass_on(now);
  return refused;
}

const Limit* Gate::recounts_refused(ShardId id, std::span<const Recount> recounts, Mono now) {
  const CounterId counter = Recounter::id_of(recounts.front());
  const bool alone = recounter_.refused(id);
  const Limit* const told =
      alone && counters_.is_live(counter) ? reserver_.refuse_counter(counter, now) : nullptr;
  pass_on(now);
  return told;
}

void Gate::recount_later(ShardId shard, std::span<const Recount> recounts, Mono now) {
  for (const Recount& recount : recounts) {
    const CounterId counter = Recounter::id_of(recount);
    if (counters_.is_live(counter)) follow_slot(counter, now);
  }
  recounter_.later(shard, now);
}

// By the shard's clock; by that of another one while it is not connected to yet, as one that has
// come with its first slots.
std::optional<ClockReading> Gate::reading_near(ShardId id, Mono now) const {
  if (is_nowhere(id)) return std::nullopt;
  if (const auto own = shards_[id.value].clock.read(now)) return own;
  for (const Shard& other : shards_) {
    if (auto reading = other.clock.read(now)) {
      reading->latest.us += kMaxSkewUs;
      return reading;
    }
  }
  return std::nullopt;
}

void Gate::slot_moved(std::uint16_t slot, ShardId from, ShardId to, Mono seen, Mono now) {
  const bool was_nowhere = is_nowhere(from);
  if (was_nowhere) {
    const auto before = losses_.slots.last_left(slot);
    // It was never anywhere, as far as is known, and has lost nothing.
    if (!before) return;
    from = before->from;
    seen = before->seen;
  }
  Shard& taker = shard(to);
  taker.knows_until_ms = std::max(taker.knows_until_ms, shard(from).knows_until_ms);
  const auto here = reading_near(to, now);
  losses_.slots.left(slot, from, seen, here, now);
  take_losses(slot, from, here, seen, now);
  if (here) losses_.slots.came(slot, taker.lost, *here);
  if (was_nowhere || (here && losses_.slots.may_be_untold(slot, *here))) {
    tells_at_ = std::min(tells_at_, std::max(now, after(told_at_, kTellEveryUs)));
  }
}

// What is known of counters that have come to where their windows are lost is told, though nobody
// asks for them here: others count on that.
void Gate::tell_moved(Mono now) {
  if (tells_next_.is_none()) {
    if (now < tells_at_) return;
    tells_at_ = kNever;
    told_at_ = now;
    tells_next_ = {0};
  }
  tells_next_ = counters_.for_some_ids(tells_next_, kToldInOneTurn, [&](CounterId id) {
    const Counter& counter = counters_[id];
    // Of a bucket there is nothing to tell.
    if (counter.pool.last_end_ms() == 0 || !counter.use->slices.none()) return;
    follow_slot(id, now);
    if (!is_nowhere(counters_[id].shard)) recounter_.lose_untold(id, now);
  });
}

// Of the shard where it was, and of those where it may have been since.
void Gate::take_losses(std::uint16_t slot, ShardId from, const std::optional<ClockReading>& here,
                       Mono seen, Mono now) {
  for (std::uint16_t at = 0; at < options_.shards; ++at) {
    const Shard& giver = shards_[at];
    const bool was_there = at == from.value;
    const bool lost_since = giver.lost.any() && after(giver.lost_by, kMaxSkewUs) >= seen;
    if (was_there || lost_since) {
      losses_.slots.add(slot, giver.lost, giver.clock.read(now), lost_since);
    }
    if (giver.health.is_up() || !here) continue;
    const bool down_since = now < after(giver.down_since, SlotLosses::kGreetedByUs);
    if (was_there || down_since) losses_.slots.doubt(slot, {at}, here->latest, now);
  }
}

void Gate::slot_on_its_way(std::uint16_t slot, ShardId id, Mono now) {
  const auto reading = shard(id).clock.read(now);
  if (reading) losses_.slots.on_its_way(slot, shard(id).lost, *reading);
}

bool Gate::asked_at(const Reservation& reservation, ShardId id, Mono now) {
  const Shard& there = shard(id);
  const bool is_untold = losses_.slots.led(slot_of_key(reservation.counter), id, there.lost,
                                           there.clock.read(now), now);
  const bool asked = reserver_.asked_at(reservation, id, is_untold, now);
  pass_on(now);
  return asked;
}

// Those that nobody waits for are found by the next check.
void Gate::slots_moved(Mono now) {
  counters_.each_line([&](CounterId id, Line&) { follow_slot(id, now); });
  for (Shard& shard : shards_) {
    for (const CounterId id : std::vector<CounterId>(shard.leases.begin(), shard.leases.end())) {
      follow_slot(id, now);
    }
  }
  holds_.slots_moved(now);
  pass_on(now);
}

}  // namespace rategate
