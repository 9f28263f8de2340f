// What is asked of a counter that lasts, whatever its algorithm, and what it gives:
// docs/algorithms.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "daemon/base/time.hpp"
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

// Of a sliding window, what its log goes by; a token bucket has none.
struct LogNumbers {
  std::int64_t period_ms = 0;  // for so long a permit counts after its end; 0: it is no log
  std::int64_t stamp_ms = 1;   // ends are whole multiples of that since 1970
  bool none() const { return period_ms == 0; }
  bool operator==(const LogNumbers&) const = default;
};

// Moments of the store's clock are whole numbers in the doubles of a script.
inline constexpr std::int64_t kMostUs = std::int64_t{1} << 52;
inline constexpr std::int64_t kMostTaken = std::int64_t{1} << 42;
// As many given back clear the bucket: it is full, whatever was taken of it.
inline constexpr std::int64_t kAllOfBucket = kMostTaken;

// What a bucket is asked for, beside the costs.
struct BucketAsked {
  FillRate rate;           // of a token bucket
  std::int64_t burst = 1;  // what a full one holds: 1 to kMaxPermits
  // The host was told that it is not full before then; 0: it knows of nothing. So one that is
  // missing now was lost, and so was part of one that would be full sooner.
  StoreTime known;
  // Of the bucket that it was told of then, how many were given back to it, in permits of this
  // rate; of a log, how many were ever added to it.
  std::int64_t known_settled = 0;
  // So many permits that were taken are given back before anything else, where the bucket is still
  // there; or, where it is negative, so many are taken without a test: it may be in debt by them.
  std::int64_t back = 0;
  // What was taken of it before may not be counted any more: it was empty then; 0: nothing is lost.
  StoreTime emptied;
  BucketSlices slices;  // in which its permits are leased; none: they are not
  // Of the permits wanted ahead, how many if the bucket is full before they end: what is taken out
  // of it then is there for nobody else until they do.
  std::int64_t raisable = 0;
  std::int64_t hand_ends_ms = 0;  // permits in hand are good before then
  // Of what is given back to a token bucket, the moment after which all of it was taken: where the
  // bucket was cleared since, nothing comes back. Of a log, the end of those permits. Where it is
  // cleared, until when that is remembered at least.
  std::int64_t back_ms = 0;
  LogNumbers log{};  // of a sliding window
  bool operator==(const BucketAsked&) const = default;
};
// The same as of a window, of which Reservation tells.
struct BucketAhead {
  std::int64_t lease = 0;    // permits wanted ahead of the costs
  std::int64_t in_hand = 0;  // permits the host holds and puts towards the costs
};
// Permits that may be had later: see docs/waiting.md.
struct BookingAsked {
  std::int64_t cost = 1;  // 1 to burst
  StoreTime until;        // those that are not there now are of no use later
  bool operator==(const BookingAsked&) const = default;
};
// What it gives, beside what it holds then.
struct BucketGiven {
  std::vector<std::int64_t> granted{};  // of each run, how many checks
  std::int64_t leased = 0;              // permits ahead of the checks ...
  std::int64_t ends_ms = 0;             // ... which are good before then
  std::vector<StoreTime> booked{};  // of each booking, when its permits are good; 0: they are not
  std::int64_t came_back = 0;       // of what is given back, or of all, where it is cleared
  std::int64_t kept_until_ms = 0;   // at least
  bool changed = false;             // it is to be kept: see expires_at_ms()
};

// Of costs alone, where the bucket has so many of its own, and some are in hand: those that fit, in
// order. A cost of 0 is granted unless the bucket is in debt.
struct CostsGranted {
  std::vector<std::int64_t> granted;  // of each run, how many checks
  std::int64_t charged = 0;           // what the bucket pays of them
  bool refused = false;               // some do not fit
};
CostsGranted grant_costs(const CostRuns& costs, std::int64_t own, std::int64_t in_hand);

// Of those in hand, which end then, how many are good at that moment.
std::int64_t good_in_hand(std::int64_t ends_ms, std::int64_t in_hand, StoreTime now);

}  // namespace rategate
