// The token bucket (GCRA, ITU-T I.371) in whole numbers: docs/algorithms.md has the formulas and
// why they hold. What a store does for a reservation is grant_from_bucket(): the memory store and
// the simulation's model of Redis call it, and daemon/store/scripts/reserve.lua is the same
// arithmetic. Pure, and defined for all numbers in the ranges that are named.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/limit/algorithm.hpp"
#include "daemon/limit/bucket_asked.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

// At `full_us` of the store's clock it was full, and `taken` permits were taken since.
struct TokenBucket {
  std::int64_t full_us = 0;  // since 1970, below kMostUs
  std::int64_t taken = 0;    // below kMostTaken
  FillRate rate;
  // So many permits were given back as long as its key has lived: it is fuller by them than who
  // was told of it before knows, and was not lost. Up to kMostTaken.
  std::int64_t settled = 0;
  // When all that was taken came back at once: what was taken until then is given back no more; 0:
  // never.
  std::int64_t cleared_us = 0;
  bool operator==(const TokenBucket&) const = default;
};

// The longest that a bucket may take to fill, some 8.9 years.
inline constexpr std::int64_t kMostFillUs = std::int64_t{1} << 48;

// How long an empty bucket takes to fill, rounded up.
std::int64_t fill_us(const FillRate& rate, std::int64_t burst);
// Permits in a bucket of so many; negative where it is in debt. At most `burst`.
std::int64_t permits_in(const TokenBucket& bucket, std::int64_t burst, StoreTime now);
// When it is full again, and when so many fit; both rounded up.
StoreTime full_at(const TokenBucket& bucket);
// The first of those, rounded down.
StoreTime not_full_before(const TokenBucket& bucket);
StoreTime fits_at(const TokenBucket& bucket, std::int64_t burst, std::int64_t cost);

// How many were given back to it, and of another rate at most as many as flow in within the same
// time: up to kMostTaken, and to what flows in within kMostUs.
std::int64_t settled_at(const TokenBucket& bucket, const FillRate& rate);
// What who was told of it says of it: sets `known` and `known_settled`, at the rate that is asked
// at.
void say_known(const TokenBucket& bucket, BucketAsked& asked);

// By how much it was full in the time to come, where that is seconds more than what was asked for,
// at its rate, explains by itself: leases, repairs, and debts are of now. 0: it is explained. A
// store whose clock is behind makes the difference, others with lower rates, or bookings of all of
// it.
std::int64_t unexplained_us(const TokenBucket& bucket, const BucketAsked& asked, StoreTime now);

struct BucketGrant : BucketGiven {
  // After it. Where it is not changed, and was of another rate, `settled` is settled_at().
  TokenBucket bucket{};
};
// When the key of one that is to be kept expires: not before it is full, because a key that is
// missing is a full bucket. Where it expired later before, and permits were given back to it, it
// still does: who was told of it then is not to take it for lost. Nor is it forgotten early that it
// was cleared.
std::int64_t expires_at_ms(const TokenBucket& bucket, StoreTime now, std::int64_t before_ms);
// `stored`: nothing where there is no such key. A cost of 0 takes nothing, and is granted unless
// the bucket is in debt. Bookings are made last, in order.
BucketGrant grant_from_bucket(const std::optional<TokenBucket>& stored, const BucketAsked& asked,
                              const BucketAhead& ahead, const CostRuns& costs, StoreTime now,
                              std::span<const BookingAsked> bookings = {});

// A bucket has one window, which began before any moment and ends after all of them.
inline constexpr Window kBucketWindow{0, (std::int64_t{1} << 42) - 1};
extern const Algorithm kTokenBucket;

}  // namespace rategate
