#include "daemon/core/lease.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
LeaseInput busy() {
  LeaseInput in;
  in.period_ms = 1000;
  in.rate = 16'000;
  in.lately = 16'000;
  in.left_ms = 1000;
  return in;
}

// Of a bucket that fills in a second.
BucketLeaseInput busy_bucket() {
  BucketLeaseInput in;
  in.slices = slices_of(1'000'000);
  in.rate = in.lately = 100'000;
  in.left_ms = in.slices.slice_ms;
  return in;
}
}  // namespace

TEST_CASE("a lease is a sixteenth of what demand spends in a period") {
  CHECK(lease_size(busy()) == 1000);
  LeaseInput in = busy();
  in.rate = in.lately = 0;
  CHECK(lease_size(in) == 0);
}

TEST_CASE("a lease is no more than the rest of the window can use, than was spent, than fits") {
  LeaseInput in = busy();
  in.left_ms = 10;
  CHECK(lease_size(in) == 160);
  in.left_ms = -5;
  CHECK(lease_size(in) == 0);
  in = busy();
  in.lately = 20;
  CHECK(lease_size(in) == 20);
  in = busy();
  in.held = 15'700;
  CHECK(lease_size(in) == 300);
  in.held = 16'000;
  CHECK(lease_size(in) == 0);
  in.rate = in.lately = kMaxPermits;
  in.held = kMaxHeld - 7;
  CHECK(lease_size(in) == 7);
  in = busy();
  in.period_ms = in.left_ms = 24 * 3600'000;
  in.lately = kMaxPermits;
  CHECK(lease_size(in) == 2 * in.rate);
}

TEST_CASE("a small lease covers the rest of the window, up to 16") {
  LeaseInput in = busy();
  in.rate = 40;
  in.lately = 40;
  CHECK(lease_size(in) == 16);
  in.left_ms = 100;
  CHECK(lease_size(in) == 4);
}

TEST_CASE("the extremes of a lease do not overflow") {
  LeaseInput in;
  in.rate = in.lately = INT64_MAX;
  in.period_ms = in.left_ms = kMaxPeriodMs;
  CHECK(lease_size(in) == kMaxHeld);
  CHECK(low_water(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX) == kMaxHeld);
}

TEST_CASE("low water is two round trips of demand, a quarter of the lease at least") {
  CHECK(low_water(10'000, 10'000, 1'000, 40) == 20);
  CHECK(low_water(10'000, 10'000, 1'000, 400) == 100);
  CHECK(low_water(0, 0, 1'000, 0) == 0);
}

// 848 checks at once are 1,955,480 a second for a moment: not that of which two round trips of 4 ms
// are to be covered, or four leases in a row come for nobody.
TEST_CASE("a burst is not renewed beyond what was spent") {
  CHECK(low_water(1'955'480, 2'795, 4'038, 2'795) == 2'795);
  CHECK(low_water(1'955'480, 0, 4'038, 0) == 0);
  CHECK(low_water(1'955'480, 0, 4'038, 400) == 100);
}

TEST_CASE("only long windows are shown in chunks") {
  CHECK(chunk_of(kLongPeriodMs, 8000) == kMaxHeld);
  CHECK(chunk_of(kLongPeriodMs + 1, 8000) == 1000);
  CHECK(chunk_of(kLongPeriodMs + 1, 0) >= 1);
}

TEST_CASE("the next window is reserved ahead by hosts that will use it") {
  CHECK(is_hot(1000, 16));
  CHECK_FALSE(is_hot(1000, 15));
  CHECK_FALSE(is_hot(kLongPeriodMs + 1, 1'000'000));
  const std::int64_t first = lead_us(1000, 500, 300, 0);
  const std::int64_t last = lead_us(1000, 500, 300, 1023);
  CHECK(first >= 4 * 500);
  CHECK(last > first);
  CHECK(lead_us(10, 1'000'000, 0, 1023) < 10'000);
}

TEST_CASE("exhausted is believed for longer each time, up to half a minute") {
  CHECK(exhausted_for_us(0, 0) == 1'000'000);
  CHECK(exhausted_for_us(1, 0) == 2'000'000);
  CHECK(exhausted_for_us(100, 1024) == 30'000'000);
  CHECK(exhausted_for_us(0, 512) > exhausted_for_us(0, 0));
}

TEST_CASE("a lease of a bucket is what is spent in a quarter of a slice, or 16") {
  CHECK(bucket_lease_size(busy_bucket()) == 1550);
  BucketLeaseInput in = busy_bucket();
  in.rate = in.lately = 1000;
  CHECK(bucket_lease_size(in) == 16);
}

TEST_CASE("who spends less than eight permits in a lease's life leases nothing of a bucket") {
  BucketLeaseInput in = busy_bucket();
  in.rate = in.lately = 114;  // 8 in 78 ms, with a tenth to spare
  CHECK(bucket_lease_size(in) == 6);
  in.rate = in.lately = 113;
  CHECK(bucket_lease_size(in) == 0);
  in.rate = in.lately = 0;
  CHECK(bucket_lease_size(in) == 0);
}

TEST_CASE("a lease of a bucket is nine tenths of what is spent before its end, less what is held") {
  BucketLeaseInput in = busy_bucket();
  in.rate = in.lately = 1000;
  in.left_ms = 10;
  CHECK(bucket_lease_size(in) == 9);
  in.held = 6;
  CHECK(bucket_lease_size(in) == 3);
  in.held = 9;
  CHECK(bucket_lease_size(in) == 0);
  in.held = 100;
  CHECK(bucket_lease_size(in) == 0);
  in.held = 0;
  in.left_ms = -5;
  CHECK(bucket_lease_size(in) == 0);
}

TEST_CASE("a lease of a bucket is no more than was spent lately, but for the first permits") {
  BucketLeaseInput in = busy_bucket();
  in.lately = 20;
  CHECK(bucket_lease_size(in) == 20);
  in.lately = 0;
  CHECK(bucket_lease_size(in) == 3);
}

TEST_CASE("no host holds more of a bucket than a word has room for") {
  BucketLeaseInput in = busy_bucket();
  in.rate = in.lately = kMaxPermits;
  CHECK(bucket_lease_size(in) == kMaxHeld);
  in.held = kMaxHeld - 7;
  CHECK(bucket_lease_size(in) == 7);
  in.held = 2 * kMaxHeld;
  CHECK(bucket_lease_size(in) == 0);
}

TEST_CASE("the extremes of a lease of a bucket do not overflow") {
  BucketLeaseInput in;
  in.slices = slices_of(kMostFillUs);
  in.rate = in.lately = INT64_MAX;
  in.left_ms = in.slices.slice_ms + in.slices.least_ms;
  CHECK(bucket_lease_size(in) == kMaxHeld);
  in.held = INT64_MAX;
  CHECK(bucket_lease_size(in) == 0);
  in.held = 0;
  in.rate = in.lately = INT64_MIN;
  CHECK(bucket_lease_size(in) == 0);
}
