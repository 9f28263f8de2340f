// Limits that count by token buckets, through the gate.
#include "tests/unit/core/bucket_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

// So many permits flow in each second.
LimitUsePtr bucket(std::int64_t permits, std::int64_t burst,
                   OnStoreDown policy = OnStoreDown::Deny) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.algorithm = &kTokenBucket;
  limit.burst = burst;
  limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  limit.on_store_down = policy;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

}  // namespace

TEST_CASE("checks of a bucket are one reservation, and each is told what it leaves") {
  Bench bench;
  const auto use = bucket(10, 3);
  CHECK_FALSE(use->leased);
  for (int i = 0; i < 5; ++i) CHECK(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  CHECK(asked.counter == "rategate:{api:k}:gcra");
  REQUIRE(asked.bucket);
  CHECK(asked.bucket->rate == FillRate{1, 100'000});
  CHECK(asked.bucket->burst == 3);
  CHECK(asked.lease == 0);
  bench.reply(asked);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    const Decision& decision = answers[i].decision;
    INFO(i);
    CHECK(decision.allowed == (i < 3));
    CHECK(decision.limit == 10);
    CHECK(decision.remaining == std::max<std::int64_t>(0, 2 - static_cast<std::int64_t>(i)));
    // Up to the clock's error later, so as not to be early.
    const std::int64_t full_ms = 100 * std::min<std::int64_t>(3, static_cast<std::int64_t>(i) + 1);
    CHECK(decision.reset_after_ms >= full_ms);
    CHECK(decision.reset_after_ms <= full_ms + 2);
    CHECK(decision.retry_after_ms == (i < 3 ? 0 : decision.reset_after_ms - 200));
  }
  const Books::Totals& books = bench.gate.books().totals();
  CHECK(books.reserved == 3);
  CHECK(books.spent == 3);
}

TEST_CASE("what cannot fit is denied here until it may, each cost by itself") {
  Bench bench;
  const auto use = bucket(10, 3);
  REQUIRE(served(bench, use, 3).allowed);
  const CheckResult one = bench.check(use);
  REQUIRE_FALSE(one.waits);
  CHECK_FALSE(one.decision.allowed);
  CHECK(one.decision.reason == Reason::OverLimit);
  CHECK(one.decision.remaining == 0);
  CHECK((one.decision.retry_after_ms >= 100 && one.decision.retry_after_ms <= 102));
  bench.now.us += 105'000;
  CHECK(bench.check(use, "k", 2).decision.retry_after_ms <= 97);
  CHECK_FALSE(bench.check(use, "k", 2).waits);
  CHECK(served(bench, use).allowed);
  CHECK(bench.store.size() == 1);
}

TEST_CASE("who is denied is never told to come back at once, as if it was allowed") {
  Bench bench;
  const auto use = bucket(1000, 3);
  REQUIRE(bench.check(use, "k", 3).waits);
  REQUIRE(bench.check(use, "k", 2).waits);
  bench.reply_at(after(bench.now, 200'000), asked_one(bench));
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 2);
  CHECK_FALSE(answers[1].decision.allowed);
  CHECK(answers[1].decision.retry_after_ms == 1);
}

TEST_CASE("the store is asked again after two seconds, as permits may have been given back") {
  Bench bench;
  const auto use = bucket(1, 10);
  REQUIRE(served(bench, use, 10).allowed);
  bench.now.us += 1'990'000;
  CHECK_FALSE(bench.check(use, "k", 5).waits);
  bench.now.us += 20'000;
  CHECK(bench.check(use, "k", 5).waits);
}

TEST_CASE("an answer of a bucket counts however late it is, for who still waits") {
  Bench bench;
  const auto use = bucket(10, 3);
  REQUIRE(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  bench.reply_at(after(bench.now, 240'000), asked);
  CHECK(bench.allowed() == 1);
  CHECK(bench.gate.stats().late_answers == 0);
}

TEST_CASE("after a loss each call says until when buckets were emptied, as long as it matters") {
  Bench bench;
  const auto use = bucket(10, 3);
  REQUIRE(served(bench, use, 3).allowed);
  bench.now.us += 1'000'000;
  bench.gate.lose_windows({0}, {.through = bench.store_time(), .recounts = true}, bench.now);
  CHECK(bench.check(use).waits);
  Reservation asked = asked_one(bench);
  CHECK(asked.bucket->emptied == bench.store_time());
  bench.reply(asked);
  CHECK(bench.allowed() == 0);
  bench.now.us += 110'000;
  CHECK(served(bench, use).allowed);
  bench.now.us += 250'000;
  CHECK(bench.check(use).waits);
  asked = asked_one(bench);
  CHECK(asked.bucket->emptied == StoreTime{});
}

TEST_CASE(
    "a bucket that fails open says nothing of losses, and is allowed while the store is away") {
  Bench bench;
  const auto use = bucket(10, 3, OnStoreDown::Allow);
  REQUIRE(served(bench, use, 3).allowed);
  bench.gate.lose_windows({0}, {.through = bench.store_time()}, bench.now);
  bench.now.us += 310'000;
  CHECK(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  CHECK(asked.bucket->emptied == StoreTime{});
  CHECK(asked.bucket->known == StoreTime{});
  bench.reply(asked);
  CHECK(bench.allowed() == 1);
  bench.gate.store_away({0}, bench.now);
  CHECK(bench.check(use).decision.allowed);
}

TEST_CASE("what this host knows of a bucket is said, so that one that is gone is seen") {
  Bench bench;
  const auto use = bucket(10, 3);
  REQUIRE(served(bench, use, 2).allowed);
  CHECK(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  CHECK(asked.bucket->known == StoreTime{bench.store_time().us + 200'000});
  bench.store = MemoryCounters();
  bench.reply(asked);
  CHECK(bench.allowed() == 0);
}

TEST_CASE("a cost above the burst never fits, and the time to fill is told") {
  Bench bench;
  const auto use = bucket(10, 3);
  const CheckResult result = bench.check(use, "k", 4);
  REQUIRE_FALSE(result.waits);
  CHECK(result.decision.reason == Reason::NeverFits);
  CHECK(result.decision.retry_after_ms == -1);
  CHECK(result.decision.reset_after_ms == 300);
}

TEST_CASE("a host's part of a bucket begins empty, and fills by its part of the rate") {
  Bench bench;
  Limit limit = *bucket(10, 4, OnStoreDown::Share)->limit;
  limit.share = {1, 2};
  const auto use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  bench.gate.store_away({0}, bench.now);
  CHECK_FALSE(bench.check(use).decision.allowed);
  bench.now.us += 190'000;
  CHECK_FALSE(bench.check(use).decision.allowed);
  bench.now.us += 20'000;
  CHECK(bench.check(use).decision.allowed);
  CHECK_FALSE(bench.check(use).decision.allowed);
  bench.now.us += 10'000'000;
  CHECK(bench.check(use).decision.remaining == 1);
  CHECK(bench.check(use).decision.allowed);
  CHECK_FALSE(bench.check(use).decision.allowed);
  // The next outage begins with an empty one again.
  bench.now.us += 10'000'000;
  bench.up();
  bench.gate.store_away({0}, bench.now);
  CHECK_FALSE(bench.check(use).decision.allowed);
  limit.share = {1, 20};
  const auto none = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  CHECK_FALSE(bench.check(none).decision.allowed);
}

TEST_CASE("copies of a check of a bucket are asked one by one") {
  Bench bench;
  const auto use = bucket(10, 3);
  const Decision allowed = served(bench, use, 3);
  CHECK(bench.repeat(use, 3, allowed, 5) == 0);
  CHECK(bench.repeat(use, 3, bench.check(use, "k", 3).decision, 5) == 0);
}

TEST_CASE("a bucket is asked for anew where it is led to a shard that has lost something") {
  TwoShardGate two([](const LimitUse&, std::string_view) { return ShardId{0}; });
  const auto use = bucket(1, 10);
  CHECK(two.gate.check({use, "k"}, two.now).waits);
  Reservation request;
  REQUIRE(two.gate.compose({0}, {}, two.now, request));
  CHECK(request.bucket->emptied == StoreTime{});
  two.gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  CHECK_FALSE(two.gate.asked_at(request, {1}, two.now));
  REQUIRE(two.gate.compose({0}, {}, two.now, request));
  CHECK(request.bucket->emptied >= two.time());
  CHECK(two.gate.asked_at(request, {1}, two.now));
}

TEST_CASE("a counter that a reload moved is empty until nothing is under way to the old one") {
  Bench bench;
  const auto use = bucket(100, 100);
  use->moved_ms = bench.store_time().us / 1000;
  CHECK(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  CHECK(asked.bucket->emptied == StoreTime{bench.store_time().us + 251'000});
}

TEST_CASE("who has taken out of a bucket has to hear of a loss until it is full") {
  Bench bench;
  const auto use = bucket(1, 10);
  CHECK_FALSE(bench.gate.has_to_hear({0}, bench.now));
  REQUIRE(served(bench, use, 5).allowed);
  CHECK(bench.gate.has_to_hear({0}, after(bench.now, 4'900'000)));
  CHECK_FALSE(bench.gate.has_to_hear({0}, after(bench.now, 5'100'000)));
}

TEST_CASE("a loss of longer ago than any window concerns a bucket that is not full since") {
  Bench bench;
  Limit limit = *bucket(1, 3)->limit;
  limit.period_ms = kMaxPeriodMs;
  const auto use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  const StoreTime lost{bench.store_time().us - 40LL * 86'400'000'000};
  CHECK_FALSE(bench.gate.lose_windows({0}, {.through = lost}, bench.now));
  CHECK(bench.gate.stats().windows_lost == 0);
  CHECK(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  CHECK(asked.bucket->emptied == lost);
}

TEST_CASE("beside a store that is slow a host gives out no part of a bucket") {
  Bench bench;
  Limit limit = *bucket(100, 100, OnStoreDown::Share)->limit;
  limit.share = {1, 1};
  const auto use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(bench.check(use).waits);
    bench.now.us += 251'000;
    bench.gate.turn(bench.now);
    const auto answers = bench.answers();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].decision.reason == Reason::StoreAway);
    CHECK_FALSE(answers[0].decision.allowed);
  }
}

TEST_CASE("an answer that knows of less loss than this host by now is given to nobody") {
  Bench bench;
  const auto use = bucket(1, 1000);
  REQUIRE(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  bench.gate.lose_windows({0}, {.through = bench.store_time()}, bench.now);
  bench.reply(asked);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  CHECK_FALSE(answers[0].decision.allowed);
  CHECK(answers[0].decision.reason == Reason::StoreAway);
  // Soon, and not when an empty bucket would be full.
  CHECK(answers[0].decision.retry_after_ms < 10'000);
  CHECK(bench.gate.books().totals().stranded == 1);
}
