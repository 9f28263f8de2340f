// Several limits in one decision: what each member pays, what goes back, and which one is named.
#include "tests/unit/core/combining.hpp"

namespace rategate::test {

TEST_CASE("all members pay, or none") {
  Combining bench;
  const auto small = window("small", {3});
  const auto large = window("large", {10, 60'000});
  for (int i = 0; i < 3; ++i) CHECK(bench.decided({small, large}).allowed);
  const Decision denied = bench.decided({large, small});
  CHECK((!denied.allowed && denied.reason == Reason::OverLimit && denied.member == 1));
  CHECK((denied.limit == 3 && denied.receipt == 0));
  CHECK(bench.counted(small) == 3);
  CHECK(bench.counted(large) == 3);
  CHECK((large->tally->allowed == 3 && large->tally->denied == 0));
  CHECK((small->tally->allowed == 3 && small->tally->denied == 1));
  const GateStats& stats = bench.gate.stats();
  CHECK((stats.checks == 4 && stats.allowed == 3 && stats.denied == 1));
  check_books(bench.gate);
}

TEST_CASE("what was fetched in vain goes back") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Combining bench;
    const auto first = window("first", {10, 1000, mode});
    const auto other = window("other", {5});
    // Another host has taken all of the other one, which nobody here knows of.
    Reservation theirs;
    theirs.counter = other->names.of("k", kStart / 1000);
    theirs.window = {kStart / 1000, kStart / 1000 + 1000};
    theirs.limit = 5;
    theirs.expire_at_ms = theirs.window.end_ms;
    theirs.costs.push_back({5, 1});
    bench.store.reserve(theirs, bench.store_time());
    CHECK_FALSE(bench.decided({first, other}, 4).allowed);
    CHECK(bench.counted(first) - bench.gate.counted() == 0);
    // All of it can be had by others.
    const CheckResult check = bench.check(first, "k", 10);
    if (check.waits) bench.serve();
    CHECK((check.decision.allowed || bench.allowed() == 1));
    check_books(bench.gate);
  }
}

TEST_CASE("pools are left alone until all others have paid") {
  Combining bench;
  const auto pool = window("pool", {100, 1000, Mode::Lease});
  const auto exact = window("exact", {10});
  for (int i = 0; i < 20; ++i) {
    REQUIRE(bench.decided({pool}).allowed);
    bench.now = after(bench.now, 1000);
  }
  const std::int64_t held = bench.gate.counted();
  REQUIRE(held > 2);
  const CheckResult waits = bench.ask({pool, exact});
  REQUIRE(waits.waits);
  CHECK(bench.gate.counted() == held);
  // Somebody else takes all of it: it is asked for when the other one has paid.
  CHECK_FALSE(bench.check(pool, "k", held).waits);
  bench.serve();
  bench.serve();
  CHECK(bench.allowed() == 1);
  check_books(bench.gate);
}

TEST_CASE("what is in hand when its window is over is paid anew") {
  Combining bench;
  const auto shortest = window("short", {5, 1000});
  const auto other = bucket("bucket", 5);
  bench.now = Mono{900'000};
  bench.measure();
  const CheckResult waits = bench.ask({shortest, other}, 5);
  REQUIRE(waits.waits);
  // The bucket is asked for when the window has paid.
  auto asked = bench.asked();
  REQUIRE((asked.size() == 1 && !asked.front().bucket));
  bench.now = Mono{950'000};
  bench.reply(asked.front());
  asked = bench.asked();
  REQUIRE((asked.size() == 1 && asked.front().bucket));
  bench.reply_at(Mono{1'010'000}, asked.front());
  CHECK(bench.answers().empty());
  bench.serve();
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK(told.front().decision.allowed);
  CHECK(told.front().decision.receipt == kStart / 1000 + 2000);
  check_books(bench.gate);
}

TEST_CASE("a denial names who denies for longest, and an error goes before it") {
  Combining bench;
  const auto second = window("second", {1});
  const auto minute = window("minute", {1, 60'000});
  REQUIRE(bench.decided({second}).allowed);
  REQUIRE(bench.decided({minute}).allowed);
  const Decision denied = bench.decided({second, minute});
  CHECK((denied.member == 1 && denied.retry_after_ms > 1000));
  const Decision never = bench.decided({minute, second}, 2);
  CHECK((never.reason == Reason::NeverFits && never.retry_after_ms == -1));
  Limit fails = numbered("fails", {5});
  fails.on_store_down = OnStoreDown::Error;
  bench.gate.store_away({0}, bench.now);
  const CheckResult error = bench.ask({window("denies", {5}), in_use(fails)});
  CHECK((error.verdict == Verdict::StoreDown && error.by_rule->shown->name == "fails"));
}

TEST_CASE("an allowed check names the member of which the smallest part is left") {
  Combining bench;
  const auto some = window("some", {10});
  const auto more = window("more", {1000, 60'000});
  CHECK(bench.decided({more, some}).member == 1);
  CHECK(bench.decided({more, some}).remaining == 8);
  Limit tried = numbered("tried", {1});
  tried.shadow = true;
  const auto shadow = in_use(tried);
  CHECK_FALSE(bench.decided({more, shadow}).shadow);
  const Decision shown = bench.decided({some, more, shadow});
  CHECK((shown.allowed && shown.shadow && shown.member == 2));
  CHECK((shadow->tally->allowed == 1 && shadow->tally->shadow_denied == 1));
}

TEST_CASE("a look at several limits takes nothing") {
  Combining bench;
  const auto small = window("small", {3});
  const auto large = window("large", {10, 1000, Mode::Lease});
  CHECK(bench.decided({small, large}, 3, false).allowed);
  CHECK(bench.decided({small, large}, 4, false).reason == Reason::NeverFits);
  CHECK((bench.counted(small) == 0 && bench.counted(large) == 0));
  REQUIRE(bench.decided({small, large}, 3).allowed);
  const Decision denied = bench.decided({small, large}, 1, false);
  CHECK((!denied.allowed && denied.member == 0));
  CHECK((bench.gate.stats().peeks == 3 && bench.gate.stats().checks == 1));
}

TEST_CASE("at its deadline it is answered, and what comes later goes back") {
  Combining bench;
  const auto one = window("one", {5});
  const auto other = window("other", {5});
  REQUIRE(bench.ask({one, other}).waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  bench.reply(asked[0]);
  bench.now = after(bench.now, 250'000);
  bench.gate.turn(bench.now);
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK((!told.front().decision.allowed && told.front().decision.reason == Reason::StoreAway));
  bench.reply(asked[1]);
  CHECK(bench.answers().empty());
  CHECK((bench.counted(one) == 0 && bench.counted(other) == 0));
  CHECK(bench.gate.waiting() == 0);
  check_books(bench.gate);
}

TEST_CASE("who goes away gets no answer, and costs nothing") {
  Combining bench;
  const auto one = window("one", {5});
  const auto other = window("other", {5, 1000, Mode::Lease});
  const CheckResult gone = bench.ask({one, other}, 5);
  REQUIRE(gone.waits);
  bench.gate.abandon(gone.waiter);
  bench.gate.abandon(gone.waiter);  // of no effect any more
  bench.serve();
  CHECK(bench.answers().empty());
  CHECK(bench.gate.stats().checks_abandoned == 1);
  // While it was under way, too.
  const CheckResult later = bench.ask({one, other}, 5);
  const auto asked = bench.asked();
  bench.gate.abandon(later.waiter);
  for (const Reservation& request : asked) bench.reply(request);
  bench.serve();
  CHECK(bench.answers().empty());
  CHECK(bench.counted(one) == 0);
  CHECK(bench.decided({one, other}, 5).allowed);
  check_books(bench.gate);
}

TEST_CASE("a daemon that stops answers it") {
  Combining bench;
  REQUIRE(bench.ask({window("one", {5}), window("other", {5})}).waits);
  bench.gate.stop(bench.now);
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK(told.front().verdict == Verdict::Stopping);
  CHECK(bench.ask({window("one", {5})}).verdict == Verdict::Stopping);
}

// The member that denies is heard of before the other one, which is used up as well, has gone on.
TEST_CASE("a check ends while a member is on its way to the next counter of its limit") {
  Combining bench;
  LimitTable table(1);
  Limit spread = numbered("spread", {4});
  spread.declared = false;
  spread.spread = 2;
  table.configure({spread}, 0);
  // All that opens at the next moment is lost by then.
  bench.now = Mono{999'990};
  bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}}, bench.now);
  REQUIRE(bench.ask({table.configured("spread"), window("other", {5})}).waits);
  bench.now = Mono{1'010'000};
  bench.gate.turn(bench.now);
  CHECK(bench.gate.waiting() == 0);
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK(!told.front().decision.allowed);
  check_books(bench.gate);
}

TEST_CASE("one limit twice pays twice") {
  Combining bench;
  const auto use = window("one", {5});
  CHECK_FALSE(bench.decided({use, use}, 3).allowed);
  CHECK(bench.decided({use, use}, 2).allowed);
  CHECK(bench.counted(use) == 4);
  check_books(bench.gate);
}

TEST_CASE("a sliding window gets back what was taken in vain") {
  Combining bench;
  const auto use = sliding("one", {5});
  CHECK_FALSE(bench.decided({use, use}, 3).allowed);
  CHECK(bench.decided({use, use}, 2).allowed);
  CHECK(bench.decided({use}).allowed);
  CHECK_FALSE(bench.decided({use}).allowed);
  check_books(bench.gate);
}

}  // namespace rategate::test
