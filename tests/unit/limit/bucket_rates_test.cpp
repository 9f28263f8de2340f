// Buckets that are asked for by several rates: hosts with other numbers, or a reload under way.
#include <algorithm>
#include <random>
#include <vector>

#include "daemon/limit/limit.hpp"
#include "daemon/limit/token_bucket.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/limit/exact_bucket.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000;

BucketAsked asked_of(const FillRate& rate, std::int64_t burst) {
  BucketAsked asked;
  asked.rate = rate;
  asked.burst = burst;
  return asked;
}

// One bucket in its store, and the time. What is asked is answered, and kept where it has changed.
struct Kept {
  std::optional<TokenBucket> bucket;
  std::int64_t expires_ms = 0;
  StoreTime now{kNow};

  BucketGrant ask(const BucketAsked& asked, const CostRuns& costs) {
    BucketGrant grant = grant_from_bucket(bucket, asked, {}, costs, now);
    if (!grant.changed) return grant;
    const std::int64_t before_ms = std::max(bucket ? expires_ms : 0, grant.kept_until_ms);
    expires_ms = expires_at_ms(grant.bucket, now, before_ms);
    REQUIRE(expires_ms >= before_ms);  // no reservation lowers an expiry
    bucket = grant.bucket;
    return grant;
  }
};

// A host, by what it was told of the bucket the last time.
struct Host {
  FillRate rate;
  std::int64_t burst = 1;
  std::optional<TokenBucket> told;

  BucketAsked asks() const {
    BucketAsked asked = asked_of(rate, burst);
    if (told) say_known(*told, asked);
    return asked;
  }
  BucketGrant ask(Kept& kept, const CostRuns& costs, std::int64_t back = 0) {
    BucketAsked asked = asks();
    asked.back = back;
    BucketGrant grant = kept.ask(asked, costs);
    told = grant.bucket;
    return grant;
  }
};

}  // namespace

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
        grant_from_bucket(stored, asked_of(rate, kMaxPermits), {}, CostRuns{}, {kNow - 1});
    const Wide was = full_of(stored) * rate.permits;
    const Wide is = full_of(grant.bucket) * before.permits;
    REQUIRE(is >= was);
    REQUIRE(is < was + Wide{before.permits} * rate.permits);
  }
}

TEST_CASE("what was given back is as much time at another rate, or a part of a permit more") {
  BucketAsked asked = asked_of({1, 100'000}, 5);
  asked.back = 2;
  const auto other = [&](const FillRate& rate, std::int64_t settled) {
    return grant_from_bucket(TokenBucket{kNow, 4, rate, settled}, asked, {}, {}, {kNow}).bucket;
  };
  CHECK(other({1, 200'000}, 9).settled == 18 + 2);
  CHECK(full_at(other({1, 200'000}, 9)) == StoreTime{kNow + 600'000});
  CHECK(other({1, 30'000}, 9).settled == 3 + 1);  // it lacks 1.2, of which one comes back
  CHECK(other({1, 30'000}, 0).settled == 1);
  CHECK(other({7, 300'001}, 7).settled == 4 + 1);
  // Where nothing is kept it is told as a part of a permit less.
  asked.back = 0;
  CHECK(other({1, 30'000}, 9).settled == 2);
  CHECK(other({7, 300'001}, 7).settled == 3);
  CHECK(other({1, 200'000}, 9).settled == 18);
  // Up to what can be told.
  CHECK(other({1, 2'678'400'000'000}, kMostTaken).settled == kMostUs / 100'000);
  asked.rate = {100'000, 1};
  CHECK(other({1, 1'000'000}, 1000).settled == kMostTaken);
  CHECK(settled_at({kNow, 0, {1, 1}, kMostTaken}, {1, 1}) == kMostTaken);
}

TEST_CASE("what came back to a bucket keeps its expiry when another rate asks for it") {
  Kept kept;
  Host slow{{1, kSecond}, 1000, {}};
  Host fast{{2, kSecond}, 1000, {}};
  REQUIRE(slow.ask(kept, {{1000, 1}}).granted.front() == 1);
  const std::int64_t expires_ms = kept.expires_ms;
  CHECK(expires_ms == kNow / 1000 + 1'001'000);
  slow.ask(kept, {}, 1000);
  CHECK(fast.ask(kept, {{1, 1}}).granted.front() == 1);
  CHECK(kept.expires_ms == expires_ms);
}

TEST_CASE("a host that was told of a bucket at one rate does not undo what came back at another") {
  for (const bool clears : {false, true}) {
    for (const bool is_first : {true, false}) {
      const std::int64_t back = clears ? kAllOfBucket : is_first ? 1000 : 2000;
      Kept kept;
      Host host{{1, kSecond}, 1000, {}};
      Host other{{1, kSecond}, 1000, {}};
      Host fast{{2, kSecond}, 1000, {}};
      REQUIRE(host.ask(kept, {{1000, 1}}).granted.front() == 1);
      if (is_first) other.ask(kept, {}, back);
      CHECK(fast.ask(kept, {{1, 1}}, is_first ? 0 : back).granted.front() == 1);
      // Who knows the moment of before finds what is left.
      CHECK(host.ask(kept, {{999, 1}}).granted.front() == 1);
      CHECK(full_at(*kept.bucket).us <= kNow + 1000 * kSecond);
      // And who goes by other numbers since: a reload.
      other.told = TokenBucket{kNow, 1000, {1, kSecond}};
      other.rate = {7, kSecond};
      const TokenBucket before = *kept.bucket;
      CHECK_FALSE(other.ask(kept, {}).changed);
      CHECK(*kept.bucket == before);
    }
  }
}

TEST_CASE("hosts with several rates never take a bucket for lost that was not") {
  std::mt19937_64 random(11);
  const auto below = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  int known = 0;
  for (int history = 0; history < 300; ++history) {
    std::vector<FillRate> rates;
    for (int i = 0; i < 3; ++i) rates.push_back(fill_rate(1 + below(1000), 1 + below(10'000)));
    std::vector<Host> hosts;
    for (std::size_t i = 0; i < 4; ++i) hosts.push_back({rates[i % 3], 1 + below(100), {}});
    Kept kept;
    for (int i = 0; i < 100; ++i) {
      Host& host = hosts[static_cast<std::size_t>(below(4))];
      kept.now.us += below(2 * host.rate.us / host.rate.permits + 2);
      if (below(10) == 0) host.rate = rates[static_cast<std::size_t>(below(3))];  // a reload
      BucketAsked asked = host.asks();
      const std::int64_t some = below(2 * host.burst) - host.burst;
      asked.back = below(2) == 0 ? 0 : below(20) == 0 ? kAllOfBucket : some;
      asked.back_ms = asked.back == kAllOfBucket ? 0 : 2 * kNow / 1000;
      BucketAsked unaware = asked;
      unaware.known = {};
      unaware.known_settled = 0;
      const CostRuns costs{{1 + below(host.burst), 1}};
      const BucketGrant expected = grant_from_bucket(kept.bucket, unaware, {}, costs, kept.now);
      if (kept.bucket) known += asked.known > std::max(kept.now, full_at(*kept.bucket)) ? 1 : 0;
      const BucketGrant grant = kept.ask(asked, costs);
      REQUIRE(grant.bucket == expected.bucket);
      REQUIRE(grant.changed == expected.changed);
      host.told = grant.bucket;
    }
  }
  CHECK(known > 1000);
}

TEST_CASE("a bucket that was lost is found to be, whatever came back to it at another rate") {
  Kept kept;
  Host host{{1, kSecond}, 1000, {}};
  Host fast{{3, 2 * kSecond}, 1000, {}};
  host.ask(kept, {{1000, 1}});
  fast.ask(kept, {{1, 1}}, 500);
  host.ask(kept, {{500, 1}});
  const StoreTime known = not_full_before(*host.told);
  kept.bucket.reset();  // by hand
  fast.told.reset();
  fast.ask(kept, {{10, 1}});
  fast.ask(kept, {}, 5);
  CHECK(host.ask(kept, {}).changed);
  CHECK(full_at(*kept.bucket) == StoreTime{known.us + 1});
}
