// The arithmetic of token buckets, held against fractions that lose nothing.
#include "daemon/limit/token_bucket.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "daemon/limit/limit.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/limit/exact_bucket.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

constexpr FillRate kRates[] = {
    {1, 2'678'400'000'000},       {7, 60'000'000}, {1, 1000}, {10, 1}, {100'000, 1},
    {999'999'937, 86'400'000'000}};

// So slow that few calls are within the moments that there are.
bool is_slow_rate(const FillRate& rate) { return rate.us / rate.permits > 1'000'000'000'000; }

struct Numbers {
  std::mt19937_64 random{7};
  std::int64_t below(std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  }
};

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
  CHECK(expires_at_ms(bucket, {kNow}, 0) == kNow / 1000 + 300 + 1000);
  CHECK(expires_at_ms({kNow, 1, {1, 1}}, {kNow}, 0) == kNow / 1000 + 1 + 1000);
}

TEST_CASE("grants are those of the exact rate, at any rate") {
  Numbers numbers;
  for (const FillRate& rate : kRates) {
    const bool is_slow = is_slow_rate(rate);
    const int calls = is_slow ? 200 : 4000;
    const std::int64_t burst = 1 + numbers.below(is_slow ? 50 : 5000);
    const std::int64_t permit_us = rate.us / rate.permits + 1;
    std::optional<TokenBucket> stored;
    Wide full = 0;
    std::int64_t now = kNow;
    std::int64_t granted = 0;
    for (int i = 0; i < calls; ++i) {
      now += numbers.below(3 * permit_us);
      const std::int64_t cost = 1 + numbers.below(burst);
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
  asked.known.us += 100'000 - 1;  // what is told was rounded down, so that it is a little more
  const BucketGrant grant = grant_costs(there, asked, CostRuns{{1, 9}}, {kNow});
  CHECK(grant.granted.front() == 2);
  CHECK(full_at(grant.bucket) == StoreTime{kNow + 500'000});
  const BucketGrant denied = grant_costs(there, asked, CostRuns{{9, 1}}, {kNow});
  CHECK(denied.changed);
  CHECK(denied.bucket == TokenBucket{asked.known.us + 1, 0, rate});
  // A key that is made anew with few permits hides no bucket that had many taken.
  asked.known.us = kNow + 3'600'000'000;
  CHECK(grant_costs(std::nullopt, asked, CostRuns{{1, 1}}, {kNow}).bucket ==
        TokenBucket{asked.known.us + 1, 0, rate});
  // What is told is rounded down: a part of a microsecond is not added with each call.
  const TokenBucket odd{kNow, 1, {7, 60'000'000}};
  asked = asked_of({7, 60'000'000}, 5);
  asked.known = not_full_before(odd);
  CHECK(asked.known.us == full_at(odd).us - 1);
  CHECK_FALSE(grant_costs(odd, asked, CostRuns{}, {kNow}).changed);
}

TEST_CASE("what comes back, or is charged without a test, is exact at any rate") {
  Numbers numbers;
  for (const FillRate& rate : kRates) {
    const bool is_slow = is_slow_rate(rate);
    const std::int64_t burst = 1 + numbers.below(is_slow ? 50 : 5000);
    BucketAsked asked = asked_of(rate, burst);
    std::optional<TokenBucket> stored;
    StoreTime now{kNow};
    int came_back = 0;
    int charged = 0;
    for (int i = 0; i < (is_slow ? 200 : 4000); ++i) {
      now.us += numbers.below(3 * (rate.us / rate.permits + 1));
      asked.back = numbers.below(3) == 0 ? 0 : numbers.below(4 * burst) - 2 * burst;
      const std::int64_t cost = 1 + numbers.below(burst);
      const Wide at = Wide{now.us} * rate.permits;
      const Wide before = stored ? std::max(at, full_of(*stored)) : at;
      const Wide between =
          stored || asked.back < 0 ? full_after_back(before, asked.back, rate, now) : before;
      const bool fits = between + Wide{cost} * rate.us <= at + Wide{burst} * rate.us;
      const Wide after = between + (fits ? Wide{cost} * rate.us : Wide{0});
      const std::int64_t settled = stored ? stored->settled : 0;
      const BucketGrant grant = grant_costs(stored, asked, CostRuns{{cost, 1}}, now);
      REQUIRE(grant.granted.front() == (fits ? 1 : 0));
      REQUIRE(full_of(grant.bucket) == after);
      REQUIRE(full_of(grant.bucket) >= at);
      REQUIRE(grant.bucket.settled == settled + std::max<Wide>(0, before - between) / rate.us);
      REQUIRE(grant.changed == (fits || before != between));
      REQUIRE(grant.bucket.taken >= 0);
      REQUIRE(grant.bucket.full_us > now.us - rate.us);
      if (grant.changed) stored = grant.bucket;
      came_back += before > between ? 1 : 0;
      charged += before < between ? 1 : 0;
    }
    INFO(rate.permits << " per " << rate.us << " us");
    CHECK(came_back > 10);
    CHECK(charged > 10);
  }
}

TEST_CASE("a host that was told of a bucket before something came back does not undo that") {
  struct Host {
    StoreTime known;
    std::int64_t settled = 0;
  };
  Numbers numbers;
  for (const FillRate& rate : kRates) {
    const bool is_slow = is_slow_rate(rate);
    // A fast one lacks more than flows in within some microseconds.
    const std::int64_t most = is_slow ? 50 : 5000 + 1000 * (rate.permits / rate.us);
    BucketAsked plain = asked_of(rate, 1 + numbers.below(most));
    std::vector<Host> hosts(4);
    std::optional<TokenBucket> stored;
    StoreTime now{kNow};
    int since = 0;
    for (int i = 0; i < (is_slow ? 200 : 4000); ++i) {
      now.us += numbers.below(3 * (rate.us / rate.permits + 1));
      plain.back = numbers.below(2) == 0 ? 0 : numbers.below(2 * plain.burst) - plain.burst;
      const CostRuns costs{{1 + numbers.below(plain.burst), 1}};
      Host& host = hosts[static_cast<std::size_t>(numbers.below(4))];
      BucketAsked asked = plain;
      asked.known = host.known;
      asked.known_settled = host.settled;
      const BucketGrant grant = grant_costs(stored, asked, costs, now);
      const BucketGrant unaware = grant_costs(stored, plain, costs, now);
      REQUIRE(grant.bucket == unaware.bucket);
      REQUIRE(grant.changed == unaware.changed);
      since += stored && host.known > std::max(now, full_at(*stored)) ? 1 : 0;
      if (grant.changed) stored = grant.bucket;
      host = {not_full_before(grant.bucket), grant.bucket.settled};
    }
    INFO(rate.permits << " per " << rate.us << " us");
    CHECK(since > 10);
  }
}

TEST_CASE("what a host knows of beside what came back was lost") {
  const FillRate rate{7, 60'000'000};
  BucketAsked asked = asked_of(rate, 50);
  const TokenBucket there{kNow, 20, rate, 9};
  // Four came back since it was told.
  const TokenBucket before{kNow, 24, rate, 5};
  asked.known = not_full_before(before);
  asked.known_settled = 5;
  CHECK_FALSE(grant_costs(there, asked, CostRuns{}, {kNow}).changed);
  asked.known_settled = 4;  // five: it would be less than what it holds
  CHECK_FALSE(grant_costs(there, asked, CostRuns{}, {kNow}).changed);
  asked.known_settled = 6;
  const BucketGrant three = grant_costs(there, asked, CostRuns{}, {kNow});
  CHECK(three.changed);
  CHECK(three.bucket == TokenBucket{asked.known.us - fill_us(rate, 3) + 1, 0, rate, 9});
  for (const std::int64_t settled : {std::int64_t{9}, std::int64_t{10}, kMostTaken}) {
    asked.known_settled = settled;
    const BucketGrant none = grant_costs(there, asked, CostRuns{}, {kNow});
    CHECK(none.bucket == TokenBucket{asked.known.us + 1, 0, rate, 9});
  }
}

TEST_CASE("nothing comes back to a bucket that is missing, which is full or was lost") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.back = 3;
  const BucketGrant full = grant_costs(std::nullopt, asked, CostRuns{}, {kNow});
  CHECK_FALSE(full.changed);
  CHECK(full.bucket == TokenBucket{kNow, 0, rate});
  asked.known = {kNow + 1};
  for (const std::int64_t settled : {std::int64_t{0}, std::int64_t{7}, kMostTaken}) {
    asked.known_settled = settled;
    const BucketGrant lost = grant_costs(std::nullopt, asked, CostRuns{{1, 1}}, {kNow});
    CHECK(lost.granted.front() == 0);
    CHECK(lost.bucket == TokenBucket{kNow, 5, rate});
  }
}

TEST_CASE("no part of a permit comes back, or the next one would fit before its time") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.back = 9;
  const TokenBucket stored{kNow - 150'000, 3, rate};
  const BucketGrant grant = grant_costs(stored, asked, CostRuns{{1, 9}}, {kNow});
  CHECK(grant.granted.front() == 4);
  CHECK(full_at(grant.bucket) == StoreTime{kNow + 450'000});
  CHECK(grant.bucket.settled == 1);
}

TEST_CASE("beyond the most that can be told nothing comes back") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.back = 2;
  const TokenBucket nearly{kNow, 4, rate, kMostTaken - 1};
  const BucketGrant none = grant_costs(nearly, asked, CostRuns{}, {kNow});
  CHECK_FALSE(none.changed);
  CHECK(none.bucket == nearly);
  asked.back = 1;
  CHECK(grant_costs(nearly, asked, CostRuns{}, {kNow}).bucket ==
        TokenBucket{kNow, 3, rate, kMostTaken});
}

TEST_CASE("a bucket in debt denies until that is paid") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.back = -12;
  const BucketGrant charged = grant_costs(std::nullopt, asked, CostRuns{{1, 1}, {0, 1}}, {kNow});
  CHECK(charged.granted == std::vector<std::int64_t>{0, 0});
  CHECK(charged.bucket == TokenBucket{kNow, 12, rate});
  CHECK(charged.changed);
  asked.back = 0;
  const auto granted = [&](std::int64_t after_us, std::int64_t cost) {
    return grant_costs(charged.bucket, asked, CostRuns{{cost, 1}}, {kNow + after_us})
        .granted.front();
  };
  CHECK(granted(699'999, 0) == 0);
  CHECK(granted(700'000, 0) == 1);
  CHECK(granted(799'999, 1) == 0);
  CHECK(granted(800'000, 1) == 1);
}

TEST_CASE("a debt is paid within the longest that a bucket may take to fill") {
  for (const FillRate& rate : kRates) {
    BucketAsked asked = asked_of(rate, 1);
    std::optional<TokenBucket> stored;
    // As much as is possible, and then half as much.
    for (asked.back = -kMaxPermits; asked.back < 0;) {
      const BucketGrant grant = grant_costs(stored, asked, CostRuns{}, {kNow});
      REQUIRE(full_at(grant.bucket).us <= kNow + kMostFillUs);
      REQUIRE(grant.bucket.taken <= kMostTaken / 2);
      if (grant.changed) stored = grant.bucket;
      if (!grant.changed) asked.back /= 2;
    }
    REQUIRE(stored);
    const bool is_late = full_at(*stored).us + rate.us / rate.permits + 1 > kNow + kMostFillUs;
    CHECK((is_late || stored->taken == kMostTaken / 2));
  }
}

TEST_CASE("a key to which permits came back expires no earlier than it did") {
  TokenBucket bucket{kNow, 3, {1, 100'000}};
  CHECK(expires_at_ms(bucket, {kNow}, kNow / 1000 + 5000) == kNow / 1000 + 1300);
  bucket.settled = 1;
  CHECK(expires_at_ms(bucket, {kNow}, kNow / 1000 + 5000) == kNow / 1000 + 5000);
  CHECK(expires_at_ms(bucket, {kNow}, kNow / 1000 + 1299) == kNow / 1000 + 1300);
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

TEST_CASE("permits that are booked are good at the first moment at which they fit") {
  const FillRate rate{1, 100'000};
  const BucketAsked asked = asked_of(rate, 5);
  const StoreTime hour{kNow + 3'600'000'000};
  const auto book = [&](const std::optional<TokenBucket>& stored, const CostRuns& costs,
                        const std::vector<BookingAsked>& bookings) {
    return grant_from_bucket(stored, asked, {}, costs, {kNow}, bookings);
  };
  // Behind the costs of the same call, and behind one another.
  const BucketGrant grant = book(std::nullopt, {{1, 4}}, {{1, hour}, {1, hour}, {2, hour}});
  CHECK(grant.booked == std::vector<StoreTime>{{kNow}, {kNow + 100'000}, {kNow + 300'000}});
  CHECK(grant.changed);
  CHECK(full_at(grant.bucket) == StoreTime{kNow + 800'000});
  // Too late is not charged, but what is there now is never too late.
  const BucketGrant late = book(std::nullopt, {{1, 4}}, {{1, {0}}, {1, {kNow + 99'999}}});
  CHECK(late.booked == std::vector<StoreTime>{{kNow}, {0}});
  CHECK(full_at(late.bucket) == StoreTime{kNow + 500'000});
  CHECK_FALSE(book(TokenBucket{kNow, 5, rate}, {}, {{1, {kNow + 1}}}).changed);
}

TEST_CASE("a bucket that is full when what is booked is spent is full then, and not before") {
  // All of it is booked, at a moment that is rounded up to the microsecond.
  const FillRate rate{3, 1'000'000};
  const TokenBucket there{kNow, 1, rate};
  const StoreTime full{kNow + 333'334};
  const BucketGrant grant = grant_from_bucket(there, asked_of(rate, 2), {}, {}, {kNow},
                                              std::vector<BookingAsked>{{2, {kNow + 400'000}}});
  CHECK(grant.booked == std::vector<StoreTime>{full});
  CHECK(grant.bucket == TokenBucket{full.us, 2, rate});
  // While it is out others are denied, as they are behind it.
  CHECK(grant_costs(grant.bucket, asked_of(rate, 2), CostRuns{{1, 1}}, {kNow + 300'000})
            .granted.front() == 0);
}

// ---- Cleared --------------------------------------------------------------------------------

TEST_CASE(
    "a bucket that is cleared is full, in debt or ahead as it may be, and says how much that was") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.back = kAllOfBucket;
  asked.back_ms = kNow / 1000 + 77;
  struct Row {
    TokenBucket before;
    std::int64_t came_back;
    std::int64_t settled;
  };
  // The last one is of another rate, of which nine are four and a half.
  for (const Row& row :
       {Row{{kNow, 3, rate}, 3, 3}, Row{{kNow - 150'000, 3, rate}, 2, 2},
        Row{{kNow, 12, rate, 4}, 12, 16}, Row{{kNow + 200'000, 1, rate}, 3, 3},
        Row{{kNow - 900'000, 3, rate}, 0, 0}, Row{{kNow, 3, {1, 50'000}, 9}, 2, 7}}) {
    const BucketGrant grant = grant_costs(row.before, asked, CostRuns{}, {kNow});
    CHECK(grant.bucket == TokenBucket{kNow, 0, rate, row.settled, kNow});
    CHECK(grant.came_back == row.came_back);
    CHECK(grant.kept_until_ms == asked.back_ms);
    CHECK(grant.changed);
    CHECK(expires_at_ms(grant.bucket, {kNow}, 1 << 30) >= (1 << 30));
  }
  const BucketGrant none = grant_costs(std::nullopt, asked, CostRuns{}, {kNow});
  CHECK_FALSE(none.changed);
  CHECK(none.kept_until_ms == 0);
  const BucketGrant most =
      grant_costs(TokenBucket{kNow, 9, rate, kMostTaken - 4}, asked, CostRuns{}, {kNow});
  CHECK(most.bucket == TokenBucket{kNow, 0, rate, kMostTaken, kNow});
}

TEST_CASE("nobody who was told of a bucket before it was cleared takes it for lost") {
  Numbers numbers;
  for (int i = 0; i < 20'000; ++i) {
    const FillRate rate = fill_rate(1 + numbers.below(1000), 10 + numbers.below(100'000));
    const std::int64_t burst = 1 + numbers.below(1000);
    const TokenBucket then{kNow - numbers.below(2'000'000), numbers.below(3 * burst), rate,
                           numbers.below(50)};
    BucketAsked clears = asked_of(rate, burst);
    clears.back = kAllOfBucket;
    const StoreTime at{kNow + numbers.below(100'000)};
    const BucketGrant cleared = grant_costs(then, clears, CostRuns{}, at);
    BucketAsked asked = asked_of(rate, burst);
    asked.known = not_full_before(then);
    asked.known_settled = then.settled;
    const BucketGrant found = grant_costs(cleared.bucket, asked, CostRuns{{burst, 1}}, at);
    REQUIRE(found.granted.front() == 1);
    REQUIRE(found.bucket.cleared_us == at.us);
  }
}

TEST_CASE("what may have been taken before a bucket was cleared does not come back") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  asked.back = 2;
  const TokenBucket cleared{kNow, 4, rate, 7, kNow - 1};
  for (const std::int64_t ms : {std::int64_t{0}, kNow / 1000 - 1}) {
    asked.back_ms = ms;
    CHECK_FALSE(grant_costs(cleared, asked, CostRuns{}, {kNow}).changed);
  }
  asked.back_ms = kNow / 1000;
  const BucketGrant since = grant_costs(cleared, asked, CostRuns{}, {kNow});
  CHECK(since.bucket == TokenBucket{kNow, 2, rate, 9, kNow - 1});
  // Also where it is told from another moment, is lost, leased, or of other numbers by then.
  asked.back = 0;
  asked.emptied = {kNow + 1};
  CHECK(grant_costs(cleared, asked, CostRuns{}, {kNow}).bucket.cleared_us == kNow - 1);
  asked.emptied = {};
  CHECK(grant_costs(cleared, asked, CostRuns{}, {kNow + 60'000'000}).bucket.cleared_us == kNow - 1);
  asked.rate = {1, 70'000};
  CHECK(grant_costs(cleared, asked, CostRuns{{1, 1}}, {kNow}).bucket.cleared_us == kNow - 1);
}

TEST_CASE("a bucket that was full in the time to come is told of where nothing explains it") {
  const FillRate rate{1, 100'000};
  BucketAsked asked = asked_of(rate, 5);
  const auto unexplained = [&](std::int64_t full_us, std::int64_t taken) {
    return unexplained_us(TokenBucket{kNow + full_us, taken, rate}, asked, {kNow});
  };
  const std::int64_t step = 5'000'000;
  CHECK(unexplained(step, 1000) == 0);  // a debt
  CHECK(unexplained(step + 1, 4) == 0);
  CHECK(unexplained(step + 1, 5) == step + 1);
  CHECK(unexplained(3'600'000'000, 0) == 3'600'000'000);
  // A lease, and what is lost.
  asked.slices = {250, 63};
  CHECK(unexplained(step + 313'000, 5) == 0);
  CHECK(unexplained(step + 313'001, 5) > 0);
  asked.emptied = {kNow + 10'000'000};
  CHECK(unexplained(step + 10'313'000, 5) == 0);
  CHECK(unexplained(step + 10'313'001, 5) > 0);
}
