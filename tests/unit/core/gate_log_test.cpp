// Limits that count by sliding windows, through the gate.
#include "tests/unit/core/bucket_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

// In each second.
LimitUsePtr sliding(std::int64_t permits, Mode mode = Mode::Auto, Settle settle = Settle::Host) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.algorithm = &kSlidingWindow;
  limit.redis_key = *KeyTemplate::parse(kLogRedisKey);
  limit.mode = mode;
  limit.settle = settle;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

}  // namespace

TEST_CASE("checks of a sliding window are one reservation, and each is told what it leaves") {
  Bench bench;
  const auto use = sliding(3);
  CHECK_FALSE(use->leased);
  for (int i = 0; i < 4; ++i) CHECK(bench.check(use).waits);
  const Reservation asked = asked_one(bench);
  CHECK(asked.counter == "rategate:{api:k}:1s:log");
  REQUIRE(asked.bucket);
  CHECK(asked.bucket->log == LogNumbers{1000, 1});
  CHECK(asked.bucket->burst == 3);
  bench.reply(asked);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const Decision& decision = answers[i].decision;
    INFO(i);
    CHECK(decision.allowed == (i < 3));
    CHECK(decision.limit == 3);
    CHECK(decision.remaining == std::max<std::int64_t>(0, 2 - static_cast<std::int64_t>(i)));
    CHECK((decision.reset_after_ms >= 1000 && decision.reset_after_ms <= 1003));
    CHECK((i < 3 || decision.retry_after_ms >= 1000));
  }
}

TEST_CASE("what does not fit into a sliding window is denied here until it does") {
  Bench bench;
  const auto use = sliding(3);
  REQUIRE(served(bench, use, 2).allowed);
  bench.now.us += 500'000;
  REQUIRE(served(bench, use).allowed);
  const CheckResult one = bench.check(use);
  REQUIRE_FALSE(one.waits);
  CHECK(one.decision.reason == Reason::OverLimit);
  CHECK((one.decision.retry_after_ms > 490 && one.decision.retry_after_ms <= 505));
  CHECK(bench.check(use, "k", 3).decision.retry_after_ms >= 1000);
  bench.now.us += 510'000;
  CHECK_FALSE(bench.check(use, "k", 3).waits);
  CHECK(served(bench, use, 2).allowed);
  CHECK(bench.store.size() == 1);
}

TEST_CASE("a sliding window is leased by slices, and what is over is gone") {
  Bench bench;
  const auto use = sliding(1000);
  CHECK(use->leased);
  CHECK(use->slices.slice_ms == 17);
  for (int i = 0; i < 50; ++i) {
    CHECK(served(bench, use).allowed);
    bench.now.us += 500;
  }
  CHECK(bench.gate.stats().reservations < 50);
  CHECK(bench.gate.stats().denied == 0);
}

TEST_CASE("after a loss each call says so, as long as the log may lack something") {
  Bench bench;
  const auto use = sliding(3);
  REQUIRE(served(bench, use).allowed);
  bench.gate.lose_windows({0}, {.through = bench.store_time(), .recounts = true}, bench.now);
  CHECK_FALSE(served(bench, use).allowed);
  bench.now.us += 990'000;
  CHECK_FALSE(served(bench, use).allowed);
  bench.now.us += 60'000;
  CHECK(served(bench, use).allowed);
}

TEST_CASE("what was not used of a sliding window comes off its own entry") {
  Bench bench;
  const auto use = sliding(5, Mode::Exact, Settle::Store);
  const Decision decision = served(bench, use, 4);
  REQUIRE(decision.allowed);
  CHECK(decision.receipt == bench.store_time().us / 1000 + 1);
  bench.now.us += 300'000;
  CHECK(bench.gate.settle({use, "k", 4, 1, decision.receipt}, bench.now) == 3);
  const auto release = bench.gate.take_release({0});
  REQUIRE(release);
  REQUIRE(release->bucket);
  CHECK(release->permits == 3);
  CHECK(release->bucket->back_ms == decision.receipt);
  bench.store.release(*release, bench.store_time());
  CHECK(served(bench, use, 4).allowed);
}
