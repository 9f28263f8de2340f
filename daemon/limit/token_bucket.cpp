#include "daemon/limit/token_bucket.hpp"

#include <algorithm>
#include <numeric>

#include "shm/bounds.h"

namespace rategate {
namespace {

__extension__ typedef __int128 Wide;

constexpr std::int64_t kMost = std::int64_t{1} << 60;
// A clock that is behind by less denies no longer than that.
constexpr std::int64_t kWorthTellingUs = 5'000'000;

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

// At another rate it is full at the same moment, or up to a microsecond later; and what was given
// back takes as long to flow in, or longer: who was told of it before is not to take that for lost.
TokenBucket at_rate(const TokenBucket& bucket, const FillRate& rate) {
  if (bucket.rate == rate) return bucket;
  const std::int64_t us = std::min(kMostUs, us_of(bucket.settled, bucket.rate));
  const std::int64_t settled = -permits_of(-us, rate);
  return {full_at(bucket).us, 0, rate, std::min(kMostTaken, settled), bucket.cleared_us};
}

// As it is told from `now` on: by small numbers.
TokenBucket told_at(TokenBucket bucket, StoreTime now) {
  const std::int64_t periods = (now.us - bucket.full_us) / bucket.rate.us;
  if (periods > 0) {
    bucket.full_us += periods * bucket.rate.us;
    bucket.taken = clipped(Wide{bucket.taken} - Wide{periods} * bucket.rate.permits);
  }
  if (!is_full_by(bucket, now)) return bucket;
  return {now.us, 0, bucket.rate, bucket.settled, bucket.cleared_us};
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

std::int64_t settled_at(const TokenBucket& bucket, const FillRate& rate) {
  if (bucket.rate == rate) return bucket.settled;
  const Wide us = Wide{bucket.settled} * bucket.rate.us / bucket.rate.permits;
  return std::min(kMostTaken, permits_of(std::min<Wide>(kMostUs, us), rate));
}

void say_known(const TokenBucket& bucket, BucketAsked& asked) {
  asked.known = not_full_before(bucket);
  asked.known_settled = settled_at(bucket, asked.rate);
  // It may have been told as of the next whole microsecond, and be asked for by the numbers of the
  // key now, which have parts of one.
  if (bucket.rate != asked.rate) asked.known.us = std::max<std::int64_t>(0, asked.known.us - 1);
}

std::int64_t unexplained_us(const TokenBucket& bucket, const BucketAsked& asked, StoreTime now) {
  const std::int64_t latest_us =
      std::max(now.us, asked.emptied.us) + 1000 * longest_lease_ms(asked.slices) + kWorthTellingUs;
  const bool may_be = bucket.full_us <= latest_us ||
                      full_at(bucket).us <= latest_us + fill_us(asked.rate, asked.burst);
  return may_be ? 0 : bucket.full_us - now.us;
}

std::int64_t expires_at_ms(const TokenBucket& bucket, StoreTime now, std::int64_t before_ms) {
  const std::int64_t lives_us = std::max<std::int64_t>(0, full_at(bucket).us - now.us);
  const std::int64_t own_ms = now.us / 1000 + (lives_us + 999) / 1000 + 1000;
  const bool remembers = bucket.settled > 0 || bucket.cleared_us > 0;
  return remembers ? std::max(own_ms, before_ms) : own_ms;
}

namespace {

// What is there, as of now, when what is lost of it is taken for empty.
TokenBucket found(const std::optional<TokenBucket>& stored, const BucketAsked& asked, StoreTime now,
                  bool& changed) {
  StoreTime emptied = asked.emptied;
  if (!stored && asked.known > now) emptied = std::max(emptied, now);
  TokenBucket bucket = stored ? at_rate(*stored, asked.rate) : TokenBucket{now.us, 0, asked.rate};
  const std::int64_t settled = bucket.settled;
  if (emptied.us > 0 && is_full_before(bucket, emptied, asked.burst)) {
    bucket = {emptied.us, asked.burst, asked.rate, settled, bucket.cleared_us};
    changed = true;
  }
  // What was given back since is no loss.
  const std::int64_t since = std::max<std::int64_t>(0, settled - asked.known_settled);
  const StoreTime known{asked.known.us - (since > 0 ? us_of(since, asked.rate) : 0)};
  if (known > now && is_full_before(bucket, known, 0)) {
    // It was rounded down.
    bucket = {known.us + 1, 0, asked.rate, settled, bucket.cleared_us};
    changed = true;
  }
  return told_at(bucket, now);
}

// Gives permits back, of which as many come back as it lacks whole ones, unless that could not be
// told any more. Whether some did.
bool give_back(std::int64_t permits, StoreTime now, TokenBucket& bucket) {
  const FillRate& rate = bucket.rate;
  // What has flown in, rounded up.
  const std::int64_t flown = -permits_of(Wide{bucket.full_us} - now.us, rate);
  permits = std::min(permits, bucket.taken - flown);
  if (permits <= 0 || bucket.settled + permits > kMostTaken) return false;
  bucket.taken -= permits;
  bucket.settled += permits;
  if (bucket.taken < 0) {  // it is told from a moment to come
    const std::int64_t periods = (rate.permits - 1 - bucket.taken) / rate.permits;
    bucket.full_us -= periods * rate.us;
    bucket.taken += periods * rate.permits;
  }
  return true;
}

// All that it lacks comes back, and what lacks of a whole one.
void clear(std::int64_t kept_until_ms, StoreTime now, BucketGrant& grant) {
  TokenBucket& bucket = grant.bucket;
  const std::int64_t flown = permits_of(Wide{now.us} - bucket.full_us, bucket.rate);
  const std::int64_t settled = std::min(kMostTaken, bucket.settled + bucket.taken - flown);
  grant.came_back = settled - bucket.settled;
  bucket = {now.us, 0, bucket.rate, settled, now.us};
  grant.kept_until_ms = kept_until_ms;
  grant.changed = true;
}

// Whether what is given back may have been taken before the bucket was cleared.
bool is_of_before(const BucketAsked& asked, const TokenBucket& bucket) {
  return bucket.cleared_us > 0 && asked.back_ms * 1000 <= bucket.cleared_us;
}

// Takes so many without a test, up to what a bucket may be told by. Whether it did.
bool overdraw(std::int64_t permits, StoreTime now, TokenBucket& bucket) {
  TokenBucket next = bucket;
  next.taken += permits;
  if (next.taken > kMostTaken / 2 || full_at(next).us > now.us + kMostFillUs) return false;
  bucket = next;
  return true;
}

// Permits that are spent until a slice ends. What is spent at its end must not find the bucket
// fuller than it then is: one that is full by then is taken to be so when the slice ends.
void lease(const BucketAsked& asked, std::int64_t wanted, StoreTime now, BucketGrant& grant) {
  TokenBucket bucket = grant.bucket;
  const std::int64_t ends_ms = lease_ends_ms(asked.slices, now);
  if (is_full_by(bucket, StoreTime{ends_ms * 1000})) {
    bucket = {ends_ms * 1000, 0, asked.rate, bucket.settled, bucket.cleared_us};
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

// Permits that are charged now and spent at the first moment at which they fit: now, or one to
// come; 0 where that is too late. What is spent then must not find the bucket fuller than it then
// is.
StoreTime book(const BookingAsked& asked, std::int64_t burst, StoreTime now, TokenBucket& bucket) {
  const StoreTime at = std::max(now, fits_at(bucket, burst, asked.cost));
  if (at > now && at > asked.until) return {};
  if (is_full_by(bucket, at)) bucket = {at.us, 0, bucket.rate, bucket.settled, bucket.cleared_us};
  bucket.taken += asked.cost;
  return at;
}

}  // namespace

BucketGrant grant_from_bucket(const std::optional<TokenBucket>& stored, const BucketAsked& asked,
                              const BucketAhead& ahead, const CostRuns& costs, StoreTime now,
                              std::span<const BookingAsked> bookings) {
  BucketGrant result;
  TokenBucket& bucket = result.bucket;
  bucket = found(stored, asked, now, result.changed);
  if (asked.back < 0) {
    result.changed = overdraw(-asked.back, now, bucket) || result.changed;
  } else if (asked.back == kAllOfBucket && stored) {
    clear(asked.back_ms, now, result);
  } else if (asked.back > 0 && stored && !is_of_before(asked, bucket)) {
    const std::int64_t before = bucket.settled;
    result.changed = give_back(asked.back, now, bucket) || result.changed;
    result.came_back = bucket.settled - before;
  }
  const std::int64_t own = permits_in(bucket, asked.burst, now);
  const std::int64_t in_hand = good_in_hand(asked.hand_ends_ms, ahead.in_hand, now);
  const CostsGranted given = grant_costs(costs, own, in_hand);
  result.granted = given.granted;
  bucket.taken += given.charged;
  result.changed = result.changed || given.charged > 0;
  if (!given.refused && ahead.lease > 0 && !asked.slices.none()) {
    lease(asked, ahead.lease, now, result);
  }
  result.booked.reserve(bookings.size());
  for (const BookingAsked& booking : bookings) {
    result.booked.push_back(book(booking, asked.burst, now, bucket));
    result.changed = result.changed || result.booked.back().us > 0;
  }
  // It stays what it is, and is looked at by other numbers the next time as well.
  if (!result.changed && stored) bucket.settled = settled_at(*stored, asked.rate);
  return result;
}

const Algorithm kTokenBucket = {"gcra", false, always_open, nullptr, nullptr};

}  // namespace rategate
