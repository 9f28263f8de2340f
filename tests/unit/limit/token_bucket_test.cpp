// The arithmetic of token buckets, held against fractions that lose nothing.
#include "daemon/limit/token_bucket.hpp"

#include <random>

#include "daemon/limit/limit.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/limit/exact_bucket.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

BucketAsked asked_of(const FillRate& rate, std::int64_t burst) {
  BucketAsked asked;
  asked.rate = rate;
  asked.burst = burst;
  return asked;
}

// Of costs alone.
BucketGrant grant_costs(const std::optional<TokenBucket>& stored, const BucketAsked& asked,
                        const CostRuns& costs, StoreTime now) {
  return grant_from_bucket(stored, asked, {}, costs, now);
}

}  // namespace

TEST_CASE("a rate is told in lowest terms") {
  CHECK(fill_rate(1000, 60'000) == FillRate{1, 60'000});
  CHECK(fill_rate(7, 60'000) == FillRate{7, 60'000'000});
  CHECK(fill_rate(kMaxPermits, kMinPeriodMs) == FillRate{100'000, 1});
  CHECK(fill_us(fill_rate(7, 60'000), 7) == 60'000'000);
  CHECK(fill_us(fill_rate(7, 60'000), 1) == 8'571'429);
}

TEST_CASE("a bucket tells what is in it, when a cost fits and when it is full") {
  const TokenBucket bucket{kNow, 3, {1, 100'000}};
  CHECK(permits_in(bucket, 3, {kNow}) == 0);
  CHECK(permits_in(bucket, 3, {kNow + 99'999}) == 0);
  CHECK(permits_in(bucket, 3, {kNow + 100'000}) == 1);
  CHECK(permits_in(bucket, 3, {kNow + 10'000'000}) == 3);
  CHECK(permits_in(bucket, 3, {kNow - 1}) == -1);
  CHECK(fits_at(bucket, 3, 1) == StoreTime{kNow + 100'000});
  CHECK(fits_at(bucket, 3, 3) == StoreTime{kNow + 300'000});
  CHECK(full_at(bucket) == StoreTime{kNow + 300'000});
  CHECK(expires_at_ms(bucket, {kNow}) == kNow / 1000 + 300 + 1000);
  CHECK(expires_at_ms({kNow, 1, {1, 1}}, {kNow}) == kNow / 1000 + 1 + 1000);
}

TEST_CASE("grants are those of the exact rate, at any rate") {
  std::mt19937_64 random(7);
  const auto below = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  constexpr FillRate kRates[] = {
      {1, 2'678'400'000'000},       {7, 60'000'000}, {1, 1000}, {10, 1}, {100'000, 1},
      {999'999'937, 86'400'000'000}};
  for (const FillRate& rate : kRates) {
    const bool is_slow = rate.us / rate.permits > 1'000'000'000'000;
    const int calls = is_slow ? 200 : 4000;  // within the moments that there are
    const std::int64_t burst = 1 + below(is_slow ? 50 : 5000);
    const std::int64_t permit_us = rate.us / rate.permits + 1;
    std::optional<TokenBucket> stored;
    Wide full = 0;
    std::int64_t now = kNow;
    std::int64_t granted = 0;
    for (int i = 0; i < calls; ++i) {
      now += below(3 * permit_us);
      const std::int64_t cost = 1 + below(burst);
      const BucketGrant grant =
          grant_costs(stored, asked_of(rate, burst), CostRuns{{cost, 1}}, {now});
      const Wide at = Wide{now} * rate.permits;
      const Wide after = std::max(full, at) + Wide{cost} * rate.us;
      const bool fits = after <= at + Wide{burst} * rate.us;
      REQUIRE(grant.granted.front() == (fits ? 1 : 0));
      REQUIRE(grant.changed == fits);
      if (!fits) continue;
      full = after;
      granted += cost;
      stored = grant.bucket;
      REQUIRE(full_of(*stored) == full);
      // Small numbers, however long it is busy.
      REQUIRE(stored->taken <= burst + rate.permits);
    }
    CHECK(granted > 0);
  }
}

TEST_CASE("costs are looked at in order, and a smaller one may pass one that does not fit") {
  const BucketGrant grant =
      grant_costs(std::nullopt, asked_of({1, 1000}, 10), CostRuns{{4, 2}, {3, 1}, {2, 5}}, {kNow});
  CHECK(grant.granted == std::vector<std::int64_t>{2, 0, 1});
  CHECK(grant.bucket == TokenBucket{kNow, 10, {1, 1000}});
}

TEST_CASE("a bucket at another rate is full when it was to be, or up to a microsecond later") {
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    const FillRate before{1 + static_cast<std::int64_t>(random() % 1000),
                          1 + static_cast<std::int64_t>(random() % 1'000'000)};
    const FillRate rate{1 + static_cast<std::int64_t>(random() % 1000),
                        1 + static_cast<std::int64_t>(random() % 1'000'000)};
    if (before == rate) continue;
    const TokenBucket stored{kNow, 1 + static_cast<std::int64_t>(random() % 1000), before};
    const BucketGrant grant =
        grant_costs(stored, asked_of(rate, kMaxPermits), CostRuns{}, {kNow - 1});
    const Wide was = full_of(stored) * rate.permits;
    const Wide is = full_of(grant.bucket) * before.permits;
    REQUIRE(is >= was);
    REQUIRE(is < was + Wide{before.permits} * rate.permits);
  }
}

TEST_CASE("a bucket that was lost begins empty, and is not emptied twice") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.emptied = {kNow - 200'000};
  const BucketGrant first = grant_costs(std::nullopt, asked, CostRuns{{1, 5}}, {kNow});
  CHECK(first.granted.front() == 2);
  const BucketGrant again = grant_costs(first.bucket, asked, CostRuns{{1, 5}}, {kNow});
  CHECK(again.granted.front() == 0);
  CHECK_FALSE(again.changed);
  // What was taken before the loss may be more than was lost.
  const TokenBucket in_debt{kNow, 9, rate};
  CHECK(grant_costs(in_debt, asked, CostRuns{}, {kNow}).bucket == in_debt);
  // One of which nothing is granted is kept as well, or would be full for the next one.
  asked.emptied = {kNow};
  const BucketGrant denied = grant_costs(std::nullopt, asked, CostRuns{{1, 1}}, {kNow});
  CHECK(denied.granted.front() == 0);
  CHECK(denied.changed);
  // Part of a permit matters: it is not full a moment earlier.
  const TokenBucket nearly{kNow - 1, 5, rate};
  CHECK(grant_costs(nearly, asked, CostRuns{}, {kNow}).bucket == TokenBucket{kNow, 5, rate});
}

TEST_CASE("one that is missing, and cannot be full, was lost") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.known = {kNow + 1};
  CHECK(grant_costs(std::nullopt, asked, CostRuns{{1, 1}}, {kNow}).granted.front() == 0);
  CHECK(grant_costs(std::nullopt, asked, CostRuns{{1, 9}}, {kNow + 1}).granted.front() == 5);
}

TEST_CASE("one that would be full sooner than was told was lost in part, or taken back by hand") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  const TokenBucket there{kNow, 2, rate};
  asked.known = full_at(there);
  CHECK_FALSE(grant_costs(there, asked, CostRuns{{9, 1}}, {kNow}).changed);
  asked.known.us += 100'000;
  const BucketGrant grant = grant_costs(there, asked, CostRuns{{1, 9}}, {kNow});
  CHECK(grant.granted.front() == 2);
  CHECK(full_at(grant.bucket) == StoreTime{kNow + 500'000});
  const BucketGrant denied = grant_costs(there, asked, CostRuns{{9, 1}}, {kNow});
  CHECK(denied.changed);
  CHECK(denied.bucket == TokenBucket{asked.known.us, 0, rate});
  // A key that is made anew with few permits hides no bucket that had many taken.
  asked.known.us = kNow + 3'600'000'000;
  CHECK(grant_costs(std::nullopt, asked, CostRuns{{1, 1}}, {kNow}).bucket ==
        TokenBucket{asked.known.us, 0, rate});
  // What is told is rounded down: a part of a microsecond is not added with each call.
  const TokenBucket odd{kNow, 1, {7, 60'000'000}};
  asked = asked_of({7, 60'000'000}, 5);
  asked.known = not_full_before(odd);
  CHECK(asked.known.us == full_at(odd).us - 1);
  CHECK_FALSE(grant_costs(odd, asked, CostRuns{}, {kNow}).changed);
}

TEST_CASE("a bucket that would take too long to fill is refused") {
  Limit limit;
  limit.algorithm = &kTokenBucket;
  limit.permits = 1;
  limit.period_ms = kMaxPeriodMs;
  limit.burst = 105;  // 3255 days
  CHECK_FALSE(bucket_fault(limit));
  limit.burst = 106;
  REQUIRE(bucket_fault(limit));
  CHECK(bucket_fault(limit)->text ==
        "a bucket of 106 permits at 1/31d takes more than 3257d to fill; expected a smaller burst, "
        "or a higher rate");
  limit.algorithm = &kFixedWindow;
  CHECK_FALSE(bucket_fault(limit));
}
