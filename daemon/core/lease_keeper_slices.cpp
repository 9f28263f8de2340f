// How permits of token buckets are kept ahead of the checks: docs/algorithms.md, "Leases of a
// bucket".
#include "daemon/core/lease.hpp"
#include "daemon/core/lease_keeper.hpp"

namespace rategate {
namespace {
// What is over within this part of a slice is as good as gone: the next lease is to be there then.
constexpr std::int64_t kSoonInSlice = 8;
// What is left of shorter slices is not worth a call each.
constexpr std::int64_t kWorthGivingBackMs = 100;
// Of a lease that is: what is shown of it at once, for it never comes back.
constexpr std::int64_t kChunksOfSlice = 4;
constexpr std::int64_t kLeastChunkOfSlice = 2;
// Where leases are lost: a part of the burst that may be, and what is too little for a call.
constexpr std::int64_t kMayBeLost = 8;
constexpr std::int64_t kWorthLosing = 8;
// A denial that is over sooner is not worth a word.
constexpr std::int64_t kWorthDenyingUs = 2000;

bool gives_rests_back(const LimitUse& use) {
  return !use.log.none() && use.slices.slice_ms >= kWorthGivingBackMs;
}
}  // namespace

bool LeaseKeeper::spend_of_slices(CounterId id, const CostRun& run, Mono now) {
  Counter& counter = counters_[id];
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading) return false;
  PoolBook book = book_of(counter, now);
  if (!counter.pool.take_beyond(reading->latest, run.cost * run.count, book)) return false;
  note_spent(counter, run, now);
  watch_slices(id, *reading, now);
  return true;
}

std::int64_t LeaseKeeper::chunk_of_slices(const Counter& counter) {
  if (!gives_rests_back(*counter.use)) return kMaxHeld;
  return std::max(kLeastChunkOfSlice, counter.last_lease / kChunksOfSlice);
}

// After the clock was set back, or another shard's counts, slices end earlier than those of before.
// The pool begins anew then, in another slot.
void LeaseKeeper::lease_slice(Counter& counter, const Window& slice, std::int64_t permits,
                              Mono now) {
  const std::int64_t chunk = chunk_of_slices(counter);
  PoolBook book = book_of(counter, now);
  if (counter.pool.lease(slice, permits, chunk, book)) return;
  hide(counter, now);
  counter.pool.give_up(book);
  if (!counter.pool.lease(slice, permits, chunk, book)) book.stranded(permits);
}

void LeaseKeeper::watch_slices(CounterId id, const ClockReading& reading, Mono now) {
  Counter& counter = counters_[id];
  PoolBook book = book_of(counter, now);
  counter.pool.show_slices(reading.latest, chunk_of_slices(counter), book);
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

void LeaseKeeper::close_slices(Counter& counter, const ClockReading& reading, Mono now) {
  give_rests_back(counter, reading.latest, now);
  PoolBook book = book_of(counter, now);
  const Pool::Over over = counter.pool.close_slices(reading.latest, book);
  KnownBucket* const known = counter.bucket.get();
  if (known != nullptr) {
    known->loss.over(over.leased, over.lost, now, counter.use->slices.slice_ms);
  }
}

// How much may be leased at all, of what is left in it. Half of that is leased at most, which is
// nothing of a single permit. Where what was leased before was lost, which is told from the slices
// that are over by now, only as much as leaves the bucket full but for an eighth: so much may be
// lost.
std::int64_t LeaseKeeper::may_lease(Counter& counter, const ClockReading& reading, Mono now) {
  close_slices(counter, reading, now);
  const std::int64_t left = decider_.left_in_bucket(counter, now);
  if (left < 2) return 0;
  const KnownBucket* const known = counter.bucket.get();
  if (known == nullptr || known->loss.leases(now)) return left;
  const std::int64_t burst = burst_of(*counter.use->limit);
  const std::int64_t above = left - (burst - burst / kMayBeLost);
  return above < kWorthLosing ? 0 : above;
}

// Of a log what nobody has spent of its entry by the end is taken off that; a bucket has no
// entries.
void LeaseKeeper::give_rests_back(Counter& counter, StoreTime latest, Mono now) {
  if (!gives_rests_back(*counter.use)) return;
  for (Pool::Rest rest = counter.pool.take_rest(latest); rest.permits > 0;
       rest = counter.pool.take_rest(latest)) {
    if (!push_to_bucket(counter, rest.permits, rest.end_ms, now)) books_.stranded(rest.permits);
  }
}

// Also where nobody asks for it any more.
void LeaseKeeper::attend_slices(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading || !gives_rests_back(*counter.use)) return;
  give_rests_back(counter, reading->latest, now);
  if (counter.pool.held_beyond(reading->latest) == 0) return;
  const std::int64_t end_ms = counter.pool.first_end_beyond(reading->latest);
  alarms_.set(id, after(now, end_ms * 1000 - reading->latest.us + 1));
}

// Until one permit fits, as far as is known, but no later than any lease ends that is reserved from
// now on: its word is to be free for that. And never at the end of a slice, by which leases are
// told apart.
void LeaseKeeper::show_denial(Counter& counter, Mono now) {
  const KnownBucket* const known = counter.bucket.get();
  if (counter.pool.slot().is_none() || known == nullptr || counter.clearing) return;
  const auto reading = shard_of(counter).usable(*counter.use->limit, now);
  if (!reading || decider_.state_of(counter, kBucketWindow, now) != WindowState::Open) return;
  const std::int64_t believed_us = after(known->told, kBucketBelievedUs).us - now.us;
  const BucketSlices& slices = counter.use->slices;
  const StoreTime fits =
      std::max(fits_at(known->bucket, burst_of(*counter.use->limit), 1), known->paused_until);
  const std::int64_t until_us = std::min(
      {fits.us, reading->earliest.us + slices.least_ms * 1000, reading->earliest.us + believed_us});
  if (until_us - reading->latest.us < kWorthDenyingUs) return;
  close_slices(counter, *reading, now);
  const std::int64_t until_ms = until_us / 1000;
  PoolBook book = book_of(counter, now);
  counter.pool.deny_until(until_ms - (until_ms % slices.slice_ms == 0 ? 1 : 0),
                          (fits.us + 999) / 1000, reading->latest, book);
}

void LeaseKeeper::end_denial(Counter& counter, Mono now) {
  PoolBook book = book_of(counter, now);
  counter.pool.end_denial(book);
}

void LeaseKeeper::tell_left_in_bucket(Counter& counter, Mono now) {
  PoolBook book = book_of(counter, now);
  counter.pool.tell_left(decider_.left_in_bucket(counter, now), book);
}

LeaseKeeper::Wanted LeaseKeeper::bucket_lease_for(Counter& counter, std::int64_t waiting,
                                                  Mono now) {
  const LimitUse& use = *counter.use;
  Wanted wanted{kBucketWindow};
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading) return wanted;
  const std::int64_t most = may_lease(counter, *reading, now);
  if (most == 0) return wanted;
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
  const std::int64_t lease = std::min(bucket_lease_size(input), most);
  wanted.permits = leases(counter, lease, input.rate, input.lately, now);
  // Out of a bucket that is full as much as the host has spent for a while: one that comes for all
  // of it at once is to find all of it.
  input.rate = std::min(input.rate, counter.demand.rate_before(now, use.demand_us));
  wanted.raisable = std::min(wanted.permits, bucket_lease_size(input));
  return wanted;
}

}  // namespace rategate
