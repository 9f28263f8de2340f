#include "daemon/core/lease.hpp"

#include <algorithm>

namespace rategate {
namespace {
constexpr std::int64_t kLeasesPerPeriod = 16;
constexpr std::int64_t kSmallLease = 16;
constexpr std::int64_t kMostSeconds = 2;
constexpr std::int64_t kColdLease = 3;  // what a key gets ahead of which nothing is known yet
constexpr std::int64_t kChunks = 8;
constexpr std::int64_t kLongestMs = std::int64_t{1} << 32;
// A host that spends less than that of a bucket in a lease's life would lose most of it.
constexpr std::int64_t kLeastOfBucket = 8;
// Of the store's time, beyond what a lead is meant to be.
constexpr std::int64_t kLeadErrorUs = 100'000;
}  // namespace

std::int64_t lease_size(const LeaseInput& in) {
  // Rates are at most 2^30 permits a second, and periods are taken for 2^32 ms at most: no product
  // overflows. No lease is for as long.
  // A rate of less than one a second is not none.
  const std::int64_t rate = std::clamp<std::int64_t>(in.rate, in.lately > 0 ? 1 : 0, kMaxPermits);
  // What the window can still use, beyond what is there for it.
  const std::int64_t left_ms = std::clamp<std::int64_t>(in.left_ms, 0, kLongestMs);
  const std::int64_t rest = (rate * left_ms + 999) / 1000 - in.held;
  const std::int64_t share = rate * std::min(in.period_ms, kLongestMs) / 1000 / kLeasesPerPeriod;
  const std::int64_t wanted = std::max(share, std::min(kSmallLease, rest));
  const std::int64_t most =
      std::min({rest, rate * kMostSeconds, std::max(in.lately, kColdLease), kMaxHeld - in.held});
  return std::max<std::int64_t>(0, std::min(wanted, most));
}

std::int64_t bucket_lease_size(const BucketLeaseInput& in) {
  const std::int64_t rate = std::clamp<std::int64_t>(in.rate, 0, kMaxPermits);
  // Not all that it may spend until then, because what is over is lost.
  const auto spent_in = [&](std::int64_t ms) { return rate * ms * 9 / 10'000; };
  if (spent_in(in.slices.slice_ms + in.slices.least_ms) < kLeastOfBucket) return 0;
  const std::int64_t wanted = std::max(rate * in.slices.slice_ms / 4000, kSmallLease);
  const std::int64_t most = std::min(
      {spent_in(in.left_ms) - in.held, std::max(in.lately, kColdLease), kMaxHeld - in.held});
  return std::max<std::int64_t>(0, std::min(wanted, most));
}

std::int64_t low_water(std::int64_t rate, std::int64_t lately, std::int64_t round_trip_us,
                       std::int64_t last_lease) {
  // A rate that was seen for a moment only says of two round trips more than was ever spent: each
  // trip would bring as much again, however much of it is there already.
  const std::int64_t spent = std::min(
      std::min(rate, kMaxPermits) * std::min(round_trip_us, 1'000'000L) * 2 / 1'000'000, lately);
  return std::clamp(std::max(spent, last_lease / 4), std::int64_t{0}, kMaxHeld);
}

std::int64_t chunk_of(std::int64_t period_ms, std::int64_t lease) {
  if (period_ms <= kLongPeriodMs) return kMaxHeld;
  // A small lease is not worth a release.
  return std::max(kSmallLease, (lease + kChunks - 1) / kChunks);
}

bool is_hot(std::int64_t period_ms, std::int64_t rate) {
  return period_ms <= kLongPeriodMs && rate * period_ms / 1000 >= kSmallLease;
}

std::int64_t longest_lead_us(std::int64_t period_ms) {
  if (period_ms > kLongPeriodMs) return kLeadErrorUs;
  return period_ms * 500 + period_ms * 1000 / 8 + kLeadErrorUs;
}

std::int64_t lead_us(std::int64_t period_ms, std::int64_t round_trip_us, std::int64_t error_us,
                     std::int64_t jitter) {
  const std::int64_t spread = period_ms * 1000 / 8;
  const std::int64_t least = 4 * round_trip_us + 2 * error_us + spread / 4;
  return std::min(least, period_ms * 500) + spread * jitter / 1024;
}

std::int64_t exhausted_for_us(int times, std::int64_t jitter) {
  const std::int64_t us = std::min<std::int64_t>(30'000'000, 2'000'000LL << std::min(times, 4));
  return us / 2 + us / 2 * jitter / 1024;
}

}  // namespace rategate
