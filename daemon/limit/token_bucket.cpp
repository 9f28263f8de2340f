#include "daemon/limit/token_bucket.hpp"

#include <algorithm>
#include <numeric>

#include "shm/bounds.h"

namespace rategate {
namespace {

__extension__ typedef __int128 Wide;

constexpr std::int64_t kMost = std::int64_t{1} << 60;

std::int64_t clipped(Wide number) {
  return static_cast<std::int64_t>(std::clamp<Wide>(number, -Wide{kMost}, Wide{kMost}));
}

Wide floor_div(Wide a, Wide b) { return a / b - (a % b < 0 ? 1 : 0); }

// How long so many take to flow in, rounded up; negative where there are fewer than none.
std::int64_t us_of(Wide permits, const FillRate& rate) {
  return clipped(-floor_div(-permits * rate.us, rate.permits));
}

// What flows in; negative, and rounded down, where it is less than no time.
std::int64_t permits_of(Wide us, const FillRate& rate) {
  return clipped(floor_div(us * rate.permits, rate.us));
}

Placed always_open(const ClockReading& reading, std::int64_t period_ms) {
  static_cast<void>(reading);
  static_cast<void>(period_ms);
  return {kBucketWindow, true, 0};
}

// Whether it is full before one is of which so many were taken at that moment, when it was full.
bool is_full_before(const TokenBucket& bucket, StoreTime at, std::int64_t taken) {
  const Wide more = Wide{bucket.taken} - taken;
  return more * bucket.rate.us < (Wide{at.us} - bucket.full_us) * bucket.rate.permits;
}

bool is_full_by(const TokenBucket& bucket, StoreTime at) {
  return bucket.taken <= permits_of(Wide{at.us} - bucket.full_us, bucket.rate);
}

// The same moment at which it is full, or up to a microsecond later, at another rate.
TokenBucket at_rate(const TokenBucket& bucket, const FillRate& rate) {
  if (bucket.rate == rate) return bucket;
  return {full_at(bucket).us, 0, rate};
}

// As it is told from `now` on: by small numbers.
TokenBucket told_at(TokenBucket bucket, StoreTime now) {
  const std::int64_t periods = (now.us - bucket.full_us) / bucket.rate.us;
  if (periods > 0) {
    bucket.full_us += periods * bucket.rate.us;
    bucket.taken = clipped(Wide{bucket.taken} - Wide{periods} * bucket.rate.permits);
  }
  return is_full_by(bucket, now) ? TokenBucket{now.us, 0, bucket.rate} : bucket;
}

}  // namespace

FillRate fill_rate(std::int64_t permits, std::int64_t period_ms) {
  const std::int64_t us = period_ms * 1000;
  const std::int64_t common = std::gcd(permits, us);
  return {permits / common, us / common};
}

std::int64_t fill_us(const FillRate& rate, std::int64_t burst) { return us_of(burst, rate); }

std::int64_t permits_in(const TokenBucket& bucket, std::int64_t burst, StoreTime now) {
  const std::int64_t flown = permits_of(Wide{now.us} - bucket.full_us, bucket.rate);
  return std::min(burst, clipped(Wide{burst} + flown - bucket.taken));
}

StoreTime full_at(const TokenBucket& bucket) {
  return {clipped(Wide{bucket.full_us} + us_of(bucket.taken, bucket.rate))};
}

StoreTime not_full_before(const TokenBucket& bucket) {
  return {clipped(Wide{bucket.full_us} +
                  floor_div(Wide{bucket.taken} * bucket.rate.us, bucket.rate.permits))};
}

StoreTime fits_at(const TokenBucket& bucket, std::int64_t burst, std::int64_t cost) {
  const Wide lacking = Wide{bucket.taken} + cost - burst;
  return {clipped(Wide{bucket.full_us} + us_of(lacking, bucket.rate))};
}

std::int64_t expires_at_ms(const TokenBucket& bucket, StoreTime now) {
  const std::int64_t lives_us = std::max<std::int64_t>(0, full_at(bucket).us - now.us);
  return now.us / 1000 + (lives_us + 999) / 1000 + 1000;
}

std::int64_t good_in_hand(std::int64_t ends_ms, std::int64_t in_hand, StoreTime now) {
  return now.us < ends_ms * 1000 ? std::clamp<std::int64_t>(in_hand, 0, RG_MAX_PERMITS) : 0;
}

namespace {

// What is there, as of now, when what is lost of it is taken for empty.
TokenBucket found(const std::optional<TokenBucket>& stored, const BucketAsked& asked, StoreTime now,
                  bool& changed) {
  StoreTime emptied = asked.emptied;
  if (!stored && asked.known > now) emptied = std::max(emptied, now);
  TokenBucket bucket = stored ? at_rate(*stored, asked.rate) : TokenBucket{now.us, 0, asked.rate};
  if (emptied.us > 0 && is_full_before(bucket, emptied, asked.burst)) {
    bucket = {emptied.us, asked.burst, asked.rate};
    changed = true;
  }
  if (asked.known > now && is_full_before(bucket, asked.known, 0)) {
    bucket = {asked.known.us, 0, asked.rate};
    changed = true;
  }
  return told_at(bucket, now);
}

// Permits that are spent until a slice ends. What is spent at its end must not find the bucket
// fuller than it then is: one that is full by then is taken to be so when the slice ends.
void lease(const BucketAsked& asked, std::int64_t wanted, StoreTime now, BucketGrant& grant) {
  TokenBucket bucket = grant.bucket;
  const std::int64_t ends_ms = lease_ends_ms(asked.slices, now);
  if (is_full_by(bucket, StoreTime{ends_ms * 1000})) {
    bucket = {ends_ms * 1000, 0, asked.rate};
    wanted = std::min(wanted, asked.raisable);
  }
  const std::int64_t room = permits_in(bucket, asked.burst, now);
  grant.leased = std::min(wanted, std::max<std::int64_t>(0, room) / 2);
  if (grant.leased <= 0) return;
  bucket.taken += grant.leased;
  grant.bucket = bucket;
  grant.ends_ms = ends_ms;
  grant.changed = true;
}

}  // namespace

BucketGrant grant_from_bucket(const std::optional<TokenBucket>& stored, const BucketAsked& asked,
                              const BucketAhead& ahead, const CostRuns& costs, StoreTime now) {
  BucketGrant result;
  TokenBucket& bucket = result.bucket;
  bucket = found(stored, asked, now, result.changed);
  const std::int64_t own = permits_in(bucket, asked.burst, now);
  const std::int64_t in_hand = good_in_hand(asked.hand_ends_ms, ahead.in_hand, now);
  std::int64_t sum = 0;
  bool refused = false;
  result.granted.reserve(costs.size());
  for (const CostRun& run : costs) {
    const std::int64_t left = std::max<std::int64_t>(0, own) + in_hand - sum;
    const std::int64_t fits = run.cost > 0 ? left / run.cost : own >= 0 ? run.count : 0;
    const std::int64_t granted = std::clamp<std::int64_t>(run.count, 0, fits);
    sum += granted * run.cost;
    refused = refused || granted < run.count;
    result.granted.push_back(granted);
  }
  const std::int64_t charged = std::max<std::int64_t>(0, sum - in_hand);
  bucket.taken += charged;
  result.changed = result.changed || charged > 0;
  if (!refused && ahead.lease > 0 && !asked.slices.none()) {
    lease(asked, ahead.lease, now, result);
  }
  return result;
}

const Algorithm kTokenBucket = {"gcra", false, always_open, nullptr, nullptr};

}  // namespace rategate
