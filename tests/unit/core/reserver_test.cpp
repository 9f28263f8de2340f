// What is asked of the store, for whom, and what is not.
#include "daemon/core/reserver.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

TEST_CASE("many runs of costs go in several reservations") {
  Bench bench;
  Limit exact = declared_limit("api", {1'000'000, 1000}, true);
  exact.mode = Mode::Exact;
  const auto use = std::make_shared<LimitUse>(std::make_shared<const Limit>(exact));
  for (int i = 0; i < 1000; ++i) bench.check(use, "k", 1 + i % 2);
  std::size_t reservations = 0;
  std::size_t answered = 0;
  for (auto asked = bench.asked(); !asked.empty(); asked = bench.asked()) {
    ++reservations;
    bench.reply(asked[0]);
    answered += bench.answers().size();
  }
  CHECK(answered == 1000);
  CHECK(reservations == 8);
}

TEST_CASE("a check with less time left than an answer takes is not asked for") {
  Bench bench;
  const auto use = limit(100);
  bench.check(use);
  bench.now = after(bench.now, 200'000);
  bench.check(use);
  Pull pull;
  pull.least_left_us = 60'000;
  Reservation next;
  REQUIRE(bench.gate.compose({0}, pull, bench.now, next));
  CHECK(next.costs.front().count == 1);  // the other has 50 ms left
  bench.reply(next);
  CHECK(bench.answers().size() >= 1);
  bench.now = after(bench.now, 60'000);
  bench.gate.turn(bench.now);
  CHECK(bench.gate.waiting() == 0);
}

TEST_CASE("a check with too little time left is looked at again once less is needed") {
  Bench bench;
  const auto use = limit(100);
  bench.check(use, "long");
  bench.check(use, "short");
  bench.now = after(bench.now, 150'000);  // 100 ms are left
  Pull busy;
  busy.least_left_us = 200'000;
  busy.least_left_idle_us = 60'000;
  Reservation next;
  CHECK_FALSE(bench.gate.compose({0}, busy, bench.now, next));
  CHECK(bench.gate.queued() == 2);
  busy.of = Pull::Of::Aside;
  CHECK_FALSE(bench.gate.compose({0}, busy, bench.now, next));  // for now

  SECTION("when nothing is under way") {
    Pull idle = busy;
    idle.least_left_us = idle.least_left_idle_us;
    REQUIRE(bench.gate.compose({0}, idle, bench.now, next));
    bench.reply(next);
    REQUIRE(bench.gate.compose({0}, idle, bench.now, next));
    bench.reply(next);
    CHECK(bench.allowed() == 2);
    CHECK(bench.gate.queued() == 0);
  }
  SECTION("not once it is over for them") {
    bench.now = after(bench.now, 60'000);
    CHECK_FALSE(bench.gate.compose({0}, busy, bench.now, next));
    CHECK(bench.gate.queued() == 0);
    bench.now = after(bench.now, 60'000);
    bench.gate.turn(bench.now);
    CHECK(bench.gate.waiting() == 0);
  }
  SECTION("with whoever joins them") {
    bench.check(use, "long");
    CHECK(bench.gate.queued() == 2);
    busy.of = Pull::Of::Lines;
    REQUIRE(bench.gate.compose({0}, busy, bench.now, next));
    CHECK(next.costs.front().count == 1);  // who has just come
    CHECK_FALSE(bench.gate.compose({0}, busy, bench.now, next));
  }
  SECTION("not where they have gone") {
    bench.now = after(bench.now, 110'000);
    bench.gate.turn(bench.now);
    CHECK(bench.gate.waiting() == 0);
    CHECK(bench.gate.queued() == 0);
  }
}

TEST_CASE("a limit that is refused alone is left alone for a while, and rides alone then") {
  Bench bench;
  const auto bad = limit(10);
  const auto good = limit(10);
  bench.check(bad);
  bench.check(good);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  for (const Reservation& each : asked) bench.gate.failed(each.id, Failure::RefusedCall, bench.now);
  auto again = bench.asked();
  REQUIRE(again.size() == 2);
  CHECK((again[0].alone && again[1].alone));
  CHECK(bench.gate.failed(again[0].id, Failure::LimitRefused, bench.now) == bad->limit.get());
  bench.reply(again[1]);
  CHECK(bench.allowed() == 1);
  CHECK(bench.check(bad).decision.reason == Reason::StoreAway);
  CHECK(bench.check(good).waits);
  bench.serve();
  bench.answers();
  bench.now = after(bench.now, 150'000);
  bench.check(bad);
  again = bench.asked();
  REQUIRE(again.size() == 1);
  CHECK(again[0].alone);
  bench.reply(again[0]);
  CHECK(bench.allowed() == 1);
  bench.check(bad);
  again = bench.asked();
  REQUIRE(again.size() == 1);
  CHECK_FALSE(again[0].alone);
}
