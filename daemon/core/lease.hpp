// How much is leased, and when. docs/leases.md has the reasons. Pure arithmetic.
#pragma once

#include <cstdint>

#include "daemon/limit/limit.hpp"

namespace rategate {

// Periods above this are long: their leases are shown in chunks, and given back when idle.
inline constexpr std::int64_t kLongPeriodMs = 4'000;
// How long a pool of a long window is unused before its stock is given back.
inline constexpr std::int64_t kIdleUs = 2'000'000;
// The most that one host holds of one counter: what a word has room for.
inline constexpr std::int64_t kMaxHeld = (std::int64_t{1} << 21) - 1;

struct LeaseInput {
  std::int64_t period_ms = 0;
  std::int64_t rate = 0;     // permits per second that this host spends
  std::int64_t lately = 0;   // permits it has spent lately
  std::int64_t left_ms = 0;  // of the window
  std::int64_t held = 0;     // permits it has for the window
};
// Permits wanted ahead of the checks that wait. The store gives no more than a quarter of what the
// counter has left.
std::int64_t lease_size(const LeaseInput& input);

// The same of a bucket, whose leases end with slices of time.
struct BucketLeaseInput {
  BucketSlices slices;
  std::int64_t rate = 0;     // permits per second that this host spends
  std::int64_t lately = 0;   // permits it has spent lately
  std::int64_t left_ms = 0;  // until a lease ends that is reserved now
  std::int64_t held = 0;     // permits it has, in both slices
};
// The store gives no more than half of what is in the bucket.
std::int64_t bucket_lease_size(const BucketLeaseInput& input);

// Below so many permits the lease is to be renewed: what `rate` spends in two round trips, but no
// more than was spent lately, and a quarter of the last lease at least.
std::int64_t low_water(std::int64_t rate, std::int64_t lately, std::int64_t round_trip_us,
                       std::int64_t last_lease);

// What is shown at once of a lease.
std::int64_t chunk_of(std::int64_t period_ms, std::int64_t lease);

// The next window is reserved ahead when the host spends so much per period.
bool is_hot(std::int64_t period_ms, std::int64_t rate);

// How long before a window ends the next one is reserved: `jitter` is 0 to 1023, at random.
std::int64_t lead_us(std::int64_t period_ms, std::int64_t round_trip_us, std::int64_t error_us,
                     std::int64_t jitter);

// No host reserves a window earlier than so long before it starts, by the store's clock: the store
// itself refuses it. It is the same on all hosts, however well each knows the time.
std::int64_t longest_lead_us(std::int64_t period_ms);

// How long "exhausted" is believed in a long window, the `times`-th time.
std::int64_t exhausted_for_us(int times, std::int64_t jitter);

}  // namespace rategate
