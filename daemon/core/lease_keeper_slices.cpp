// How permits of token buckets are kept ahead of the checks: docs/algorithms.md, "Leases of a
// bucket".
#include "daemon/core/lease.hpp"
#include "daemon/core/lease_keeper.hpp"

namespace rategate {
namespace {
// What is over within this part of a slice is as good as gone: the next lease is to be there then.
constexpr std::int64_t kSoonInSlice = 8;
}  // namespace

bool LeaseKeeper::spend_of_slices(CounterId id, const CostRun& run, Mono now) {
  Counter& counter = counters_[id];
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading) return false;
  PoolBook book = book_of(counter, now);
  if (!counter.pool.take_beyond(reading->latest, run.cost * run.count, book)) return false;
  note_demand(counter, run, now);
  watch_slices(id, *reading);
  return true;
}

void LeaseKeeper::watch_slices(CounterId id, const ClockReading& reading) {
  const Counter& counter = counters_[id];
  const std::int64_t soon_us = counter.use->slices.slice_ms * 1000 / kSoonInSlice;
  const std::int64_t held = counter.pool.held_beyond(StoreTime{reading.latest.us + soon_us});
  if (!counter.renew && (held == 0 || held < counter.pool.low_water())) want(id);
}

Hand LeaseKeeper::take_hand_of_slices(Counter& counter, std::int64_t wanted, Mono now, Window& of) {
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading) return {};
  const BucketSlices& slices = counter.use->slices;
  of = slice_ending(slices, counter.pool.first_end_beyond(reading->latest));
  Hand hand = take_hand(counter, of, now);
  if (hand.permits() >= wanted) return hand;
  const std::int64_t second_ms = counter.pool.first_end_beyond(reading->latest);
  const Hand second = take_hand(counter, slice_ending(slices, second_ms), now);
  hand.shown += second.shown;
  hand.stock += second.stock;
  return hand;
}

StoreTime LeaseKeeper::pause_of(Counter& counter, StoreTime told, Mono now) {
  const LimitUse& use = *counter.use;
  if (use.slices.none()) return {};
  const std::int64_t burst = burst_of(*use.limit);
  const bool for_a_while = counter.demand.rate_before(now, use.demand_us) > 0;
  const std::int64_t nothing = for_a_while ? next_to_nothing(use.slices, use.fill_us, burst) : 0;
  if (permits_in(counter.bucket->bucket, burst, told) > nothing) return {};
  return {told.us + pause_us(use.slices, use.fill_us)};
}

// Half of what is in it is leased at most, which is nothing of a single permit; and nothing is
// where what was leased before was lost, which is told from the slices that are over by now.
bool LeaseKeeper::is_worth_leasing(Counter& counter, const ClockReading& reading, Mono now) {
  PoolBook book = book_of(counter, now);
  const Pool::Over over = counter.pool.close_slices(reading.latest, book);
  KnownBucket* const known = counter.bucket.get();
  if (known != nullptr) {
    known->loss.over(over.leased, over.lost, now, counter.use->slices.slice_ms);
    if (!known->loss.leases(now)) return false;
  }
  return decider_.left_in_bucket(counter, now) >= 2;
}

LeaseKeeper::Wanted LeaseKeeper::bucket_lease_for(Counter& counter, std::int64_t waiting,
                                                  Mono now) {
  const LimitUse& use = *counter.use;
  Wanted wanted{kBucketWindow};
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading || !is_worth_leasing(counter, *reading, now)) return wanted;
  // Clients choose how many wait, and at which costs.
  waiting = std::min(waiting, kMaxPermits);
  BucketLeaseInput input;
  input.slices = use.slices;
  input.rate = counter.demand.rate(now, use.demand_us) + waiting * 1'000'000 / use.demand_us;
  input.lately = counter.demand.lately(now, use.demand_us) + waiting;
  input.held = counter.pool.held_beyond(reading->latest);
  // The rest of its life, once it is here.
  input.left_ms = lease_ends_ms(use.slices, reading->latest) - reading->latest.us / 1000 -
                  shard_of(counter).round_trip_us / 1000;
  wanted.permits = leases(counter, bucket_lease_size(input), input.rate, now);
  // Out of a bucket that is full as much as the host has spent for a while: one that comes for all
  // of it at once is to find all of it.
  input.rate = std::min(input.rate, counter.demand.rate_before(now, use.demand_us));
  wanted.raisable = std::min(wanted.permits, bucket_lease_size(input));
  return wanted;
}

}  // namespace rategate
