// The token bucket (GCRA, ITU-T I.371) in whole numbers: docs/algorithms.md has the formulas and
// why they hold. What a store does for a reservation is grant_from_bucket(): the memory store and
// the simulation's model of Redis call it, and daemon/store/scripts/reserve.lua is the same
// arithmetic. Pure, and defined for all numbers in the ranges that are named.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/limit/algorithm.hpp"
#include "daemon/limit/bucket_slices.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

// So many permits flow in each `us` microseconds, in lowest terms: 1 to kMaxPermits, and 1 to
// kMaxPeriodMs * 1000.
struct FillRate {
  std::int64_t permits = 1;
  std::int64_t us = 1;
  bool operator==(const FillRate&) const = default;
};
FillRate fill_rate(std::int64_t permits, std::int64_t period_ms);

// At `full_us` of the store's clock it was full, and `taken` permits were taken since.
struct TokenBucket {
  std::int64_t full_us = 0;  // since 1970, below kMostUs
  std::int64_t taken = 0;    // below kMostTaken
  FillRate rate;
  bool operator==(const TokenBucket&) const = default;
};

// Moments of the store's clock are whole numbers in the doubles of a script.
inline constexpr std::int64_t kMostUs = std::int64_t{1} << 52;
inline constexpr std::int64_t kMostTaken = std::int64_t{1} << 42;
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

// What a bucket is asked for, beside the costs.
struct BucketAsked {
  FillRate rate;
  std::int64_t burst = 1;  // 1 to kMaxPermits
  // The host was told that it is not full before then; 0: it knows of nothing. So one that is
  // missing now was lost, and so was part of one that would be full sooner.
  StoreTime known;
  // What was taken of it before may not be counted any more: it was empty then; 0: nothing is lost.
  StoreTime emptied;
  BucketSlices slices;  // in which its permits are leased; none: they are not
  // Of the permits wanted ahead, how many if the bucket is full before they end: what is taken out
  // of it then is there for nobody else until they do.
  std::int64_t raisable = 0;
  std::int64_t hand_ends_ms = 0;  // permits in hand are good before then
  bool operator==(const BucketAsked&) const = default;
};
// The same as of a window, of which Reservation tells.
struct BucketAhead {
  std::int64_t lease = 0;    // permits wanted ahead of the costs
  std::int64_t in_hand = 0;  // permits the host holds and puts towards the costs
};
struct BucketGrant {
  TokenBucket bucket;                 // after it
  std::vector<std::int64_t> granted;  // of each run, how many checks
  std::int64_t leased = 0;            // permits ahead of the checks ...
  std::int64_t ends_ms = 0;           // ... which are good before then
  bool changed = false;               // it is to be kept: see expires_at_ms()
};
// Of those in hand, which end then, how many are good at that moment.
std::int64_t good_in_hand(std::int64_t ends_ms, std::int64_t in_hand, StoreTime now);
// When the key of one that is to be kept expires: not before it is full, because a key that is
// missing is a full bucket.
std::int64_t expires_at_ms(const TokenBucket& bucket, StoreTime now);
// `stored`: nothing where there is no such key. A cost of 0 takes nothing, and is granted unless
// the bucket is in debt.
BucketGrant grant_from_bucket(const std::optional<TokenBucket>& stored, const BucketAsked& asked,
                              const BucketAhead& ahead, const CostRuns& costs, StoreTime now);

// A bucket has one window, which began before any moment and ends after all of them.
inline constexpr Window kBucketWindow{0, (std::int64_t{1} << 42) - 1};
extern const Algorithm kTokenBucket;

}  // namespace rategate
