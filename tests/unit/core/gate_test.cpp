#include "daemon/core/gate.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

TEST_CASE("checks of one counter become one reservation, answered in order") {
  Bench bench;
  const auto use = limit(3);
  for (int i = 0; i < 5; ++i) CHECK(bench.check(use).waits);
  CHECK(bench.check(use, "other").waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].costs.size() == 1);
  CHECK(asked[0].costs[0].count == 5);
  CHECK(asked[0].counter == "rategate:{api:k}:1s:1700000000");
  for (const auto& request : asked) bench.reply(request);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 6);
  for (std::uint64_t i = 0; i < 5; ++i) {
    CHECK(answers[i].ticket == i + 1);
    CHECK(answers[i].decision.allowed == (i < 3));
    CHECK(answers[i].decision.limit == 3);
    CHECK(answers[i].decision.reason == (i < 3 ? Reason::Counted : Reason::OverLimit));
    CHECK(answers[i].decision.remaining == (i < 3 ? 2 - static_cast<std::int64_t>(i) : 0));
    CHECK(answers[i].decision.retry_after_ms == (i < 3 ? 0 : answers[i].decision.reset_after_ms));
  }
  // 100 ms into the window; rounded up, with the error and its growth.
  CHECK(answers[0].decision.reset_after_ms == 902);
}

TEST_CASE("an exhausted window is remembered, and only until it ends") {
  Bench bench;
  const auto use = limit(1);
  bench.check(use);
  bench.serve();
  bench.answers();
  const auto denied = bench.check(use);
  CHECK_FALSE(denied.waits);
  CHECK(denied.decision.reason == Reason::OverLimit);
  // Who waits as long as he is told is in the next window.
  bench.now = after(bench.now, denied.decision.retry_after_ms * 1000);
  CHECK(bench.check(use).waits);
  bench.serve();
  CHECK(bench.allowed() == 1);
}

TEST_CASE("a cost that does not fit is all or nothing and stops nobody behind it") {
  Bench bench;
  const auto use = limit(10, 60'000);
  bench.check(use, "k", 7);
  bench.serve();
  bench.answers();
  for (const std::int64_t cost : {5, 1, 1, 2}) bench.check(use, "k", cost);
  bench.serve();
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 4);
  CHECK_FALSE(answers[0].decision.allowed);
  CHECK(answers[1].decision.allowed);
  CHECK(answers[2].decision.allowed);
  CHECK_FALSE(answers[3].decision.allowed);
  // Not exhausted: one is left.
  CHECK(bench.check(use).waits);
}

TEST_CASE("copies of a check get what the pool has, and are counted as checks are") {
  Bench bench;
  const auto use = limit(10'000);
  use->leased = true;
  for (int round = 0; round < 3; ++round) {  // a demand, and a lease for it
    for (int i = 0; i < 50; ++i) bench.check(use, "k", 2);
    bench.serve();
  }
  bench.answers();
  const auto first = bench.check(use, "k", 2);
  REQUIRE_FALSE(first.waits);
  REQUIRE(first.decision.allowed);
  const std::int64_t held = bench.gate.counted();
  REQUIRE(held > 2);
  const auto before = bench.gate.stats();
  const std::int64_t spent = bench.gate.books().totals().spent;
  CHECK(bench.repeat(use, 2, first.decision, 1) == 1);
  CHECK(bench.gate.counted() == held - 2);
  // More than are there: those that fit, and the rest is asked one by one.
  const std::int64_t rest = (held - 2) / 2;
  CHECK(bench.repeat(use, 2, first.decision, 9999) == rest);
  CHECK(bench.gate.counted() == (held - 2) % 2);
  CHECK(bench.repeat(use, 2, first.decision, 9999) == 0);
  const auto& stats = bench.gate.stats();
  CHECK(stats.checks - before.checks == static_cast<std::uint64_t>(rest + 1));
  CHECK(stats.allowed - before.allowed == static_cast<std::uint64_t>(rest + 1));
  CHECK(bench.gate.books().totals().spent - spent == 2 * (rest + 1));
  CHECK(use->tally->allowed == stats.allowed);
}

TEST_CASE("copies of a check between two windows, or that waits, are asked one by one") {
  Bench bench;
  const auto use = limit(100);
  const Decision allowed{true, Reason::Counted, 100, 99, 0, 900};
  CHECK(bench.repeat(use, 1, allowed, 5) == 0);  // exact
  use->leased = true;
  CHECK(bench.repeat(use, 1, allowed, 5) == 0);  // nothing in the pool
  bench.check(use);
  bench.serve();
  REQUIRE(bench.gate.counted() > 0);
  bench.now = Mono{1'000'000};
  CHECK(bench.repeat(use, 1, allowed, 5) == 0);
  bench.gate.stop(bench.now);
  CHECK(bench.repeat(use, 1, allowed, 5) == 0);
}

TEST_CASE("copies of a denied check are denied where the window is used up, and not elsewhere") {
  Bench bench;
  const auto use = limit(10);
  bench.check(use, "k", 7);
  bench.serve();
  const auto first = bench.check(use, "k", 5);  // does not fit, but 3 are left
  REQUIRE_FALSE(first.waits);
  REQUIRE_FALSE(first.decision.allowed);
  CHECK(bench.repeat(use, 5, first.decision, 4) == 0);
  bench.check(use, "k", 3);
  bench.serve();
  const auto denied = bench.check(use, "k", 5);
  REQUIRE_FALSE(denied.waits);
  const auto before = bench.gate.stats();
  CHECK(bench.repeat(use, 5, denied.decision, 4) == 4);
  CHECK(bench.gate.stats().denied - before.denied == 4);
  CHECK(use->tally->denied == bench.gate.stats().denied);
}

TEST_CASE("what the store is known to have too little of in a short window is denied at once") {
  Bench bench;
  const auto use = limit(10);
  bench.check(use, "k", 7);
  bench.serve();
  CHECK_FALSE(bench.check(use, "k", 4).waits);
  CHECK(bench.check(use, "k", 3).waits);
  // In a long one other hosts may have given permits back.
  const auto long_use = limit(10, 60'000);
  bench.check(long_use, "k", 7);
  bench.serve();
  CHECK(bench.check(long_use, "k", 4).waits);
}

TEST_CASE("a cost above the limit never fits, whatever the store does") {
  Bench bench;
  const auto result = bench.check(limit(3), "k", 4);
  CHECK_FALSE(result.waits);
  CHECK(result.decision.reason == Reason::NeverFits);
  CHECK(result.decision.retry_after_ms == -1);
}

TEST_CASE("a late answer grants nothing; the check is asked again in the next window") {
  Bench bench;
  const auto use = limit(5);
  bench.now = Mono{900'000};
  bench.check(use);
  const auto first = bench.asked();
  REQUIRE(first.size() == 1);
  bench.reply_at(Mono{1'050'000}, first[0]);
  CHECK(bench.answers().empty());
  CHECK(bench.gate.stats().late_answers == 1);
  const auto second = bench.asked();
  REQUIRE(second.size() == 1);
  CHECK(second[0].window.start_ms == first[0].window.end_ms);
  bench.reply(second[0]);
  CHECK(bench.allowed() == 1);
}

TEST_CASE("a check between two windows waits until the next one is open") {
  Bench bench;
  const auto use = limit(5);
  bench.now = Mono{999'950};
  CHECK(bench.check(use).waits);
  CHECK(bench.asked().empty());
  const Mono next = bench.gate.next_turn();
  CHECK(next > bench.now);
  CHECK(next < Mono{1'001'100});  // the measurement is 0.9 s old
  bench.now = next;
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].window.start_ms == kStart / 1000 + 1000);
}

TEST_CASE("a check waits for its time-out and no longer, and a later answer gives it nothing") {
  for (const auto policy : {OnStoreDown::Deny, OnStoreDown::Allow, OnStoreDown::Error}) {
    Bench bench;
    const auto use = limit(5, 1000, policy);
    bench.check(use, "k", 2);
    const auto asked = bench.asked();
    bench.check(use, "k", 1);  // behind it, not asked yet
    bench.now = bench.gate.next_turn();
    CHECK(bench.now == Mono{100'000 + 250'000});
    bench.gate.turn(bench.now);
    const auto answers = bench.answers();
    REQUIRE(answers.size() == 2);
    for (const auto& answer : answers) {
      if (policy == OnStoreDown::Error) {
        CHECK(answer.verdict == Verdict::StoreDown);
      } else {
        CHECK(answer.decision.allowed == (policy == OnStoreDown::Allow));
        CHECK(answer.decision.reason == Reason::StoreAway);
      }
    }
    REQUIRE(asked.size() == 1);
    bench.reply(asked[0]);
    CHECK(bench.answers().empty());
    CHECK(bench.gate.waiting() == 0);
  }
}

TEST_CASE("grants stay with their checks when one before them has timed out") {
  Bench bench;
  const auto use = limit(6);
  bench.check(use, "k", 5);
  bench.now = after(bench.now, 100'000);
  bench.check(use, "k", 1);
  bench.check(use, "k", 2);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.now = after(bench.now, 200'000);  // the first has timed out, the others have not
  bench.gate.turn(bench.now);
  CHECK(bench.answers().size() == 1);
  bench.reply(asked[0]);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].decision.allowed);        // 5 + 1 were granted
  CHECK_FALSE(answers[1].decision.allowed);  // and the 2 was not
}

TEST_CASE("what was not asked for a client that has gone is not asked") {
  Bench bench;
  const auto use = limit(5);
  const auto gone = bench.check(use);
  bench.check(use);
  bench.gate.abandon(gone.waiter);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].costs[0].count == 1);
  const auto late = bench.check(use);
  bench.gate.abandon(late.waiter);
  bench.reply(asked[0]);
  CHECK(bench.answers().size() == 1);
  CHECK(bench.asked().empty());
  CHECK(bench.gate.waiting() == 0);
  bench.gate.abandon(late.waiter);  // of no effect any more
}

TEST_CASE("a refusal counts nobody who has an answer already, or has gone") {
  const auto failure =
      GENERATE(Failure::StoreRefuses, Failure::CounterFailed, Failure::LimitRefused);
  Bench bench;
  const auto use = limit(6);
  bench.check(use);
  bench.now = after(bench.now, 100'000);
  const auto gone = bench.check(use);
  bench.check(use);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.gate.abandon(gone.waiter);
  bench.now = after(bench.now, 200'000);
  bench.gate.turn(bench.now);  // the first has timed out
  bench.gate.failed(asked[0].id, failure, bench.now);
  CHECK(bench.answers().size() == 2);
  CHECK(bench.gate.stats().store_down_denied == 2);
  CHECK(use->tally->denied == 2);
  CHECK(bench.gate.waiting() == 0);
}

TEST_CASE("a lost connection asks again what was under way; the store away answers by policy") {
  Bench bench;
  const auto use = limit(5);
  bench.check(use);
  const auto first = bench.asked();
  bench.gate.store_connecting({0}, bench.now);
  CHECK(bench.asked().empty());
  bench.up();
  const auto second = bench.asked();
  REQUIRE(second.size() == 1);
  CHECK(second[0].id != first[0].id);
  bench.reply(first[0]);  // of the connection that was lost: not heard
  CHECK(bench.answers().empty());
  bench.reply(second[0]);
  CHECK(bench.allowed() == 1);

  bench.check(use);
  bench.asked();
  bench.gate.store_away({0}, bench.now);
  CHECK(bench.answers().at(0).decision.reason == Reason::StoreAway);
  CHECK(bench.check(use).decision.reason == Reason::StoreAway);
  bench.up();
  CHECK(bench.check(use).waits);
}

TEST_CASE("a counter below what this host has taken was lost: nothing more in this window") {
  Bench bench;
  const auto use = limit(10);
  for (int i = 0; i < 4; ++i) bench.check(use);
  bench.serve();
  CHECK(bench.allowed() == 4);
  bench.store = MemoryCounters();  // FLUSHALL
  bench.check(use);
  bench.serve();
  CHECK(bench.answers().at(0).decision.reason == Reason::StoreAway);
  const auto denied = bench.check(use);
  CHECK_FALSE(denied.waits);
  CHECK_FALSE(denied.decision.allowed);
  bench.now = after(bench.now, denied.decision.retry_after_ms * 1000);
  bench.check(use);
  bench.serve();
  CHECK(bench.allowed() == 1);
}

TEST_CASE("a replaced store loses the windows that are open, except for limits that fail open") {
  Bench bench;
  const auto strict = limit(10);
  const auto open = limit(10, 1000, OnStoreDown::Allow);
  bench.gate.store_connecting({0}, bench.now);
  bench.gate.store_replaced({0}, bench.now);
  bench.measure();
  CHECK(bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}}, bench.now));
  CHECK_FALSE(bench.gate.lose_windows({0}, {StoreTime{0}}, bench.now));
  bench.gate.store_up({0});
  CHECK(bench.check(strict).decision.reason == Reason::StoreAway);
  CHECK(bench.check(open).waits);
  bench.now = Mono{1'100'000};
  CHECK(bench.check(strict).waits);
}

TEST_CASE("where a limit fails open, what is left after a loss is no more than the limit") {
  for (const std::int64_t cost : {1, 20, 60, 95}) {
    INFO("cost " << cost);
    Bench bench;
    const auto use = limit(100, 1000, OnStoreDown::Allow);
    for (int i = 0; i < 8; ++i) {
      bench.check(use);
      bench.serve();
      bench.now = after(bench.now, 2'000);
    }
    bench.answers();
    bench.store = MemoryCounters();  // FLUSHALL; the pool still holds a lease
    for (int i = 0; i < 3; ++i) {
      const auto decided = bench.check(use, "k", cost);
      bench.serve();
      const auto answers = bench.answers();
      const Decision& decision = decided.waits ? answers.at(0).decision : decided.decision;
      CHECK(decision.remaining >= 0);
      CHECK(decision.remaining <= 100 - (decision.allowed ? cost : 0));
      bench.now = after(bench.now, 2'000);
    }
  }
}

TEST_CASE("a stale clock is measured before a check is refused for it") {
  Bench bench;
  const auto use = limit(5, 100);
  bench.now = after(bench.now, 60'050'000);  // 60 ms of drift at most: too much for 100 ms
  bench.check(use);
  CHECK(bench.asked().empty());
  CHECK(bench.measure_wanted());
  bench.measure();
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.reply(asked[0]);
  CHECK(bench.allowed() == 1);
}

TEST_CASE("a clock that stays too uncertain refuses with its own reason") {
  Bench bench;
  const auto use = limit(5, 10);  // a round trip of 20 ms cannot hold windows of 10 ms
  bench.now = after(bench.now, 60'000'000);
  bench.check(use);
  for (int i = 0; i < 3; ++i) {
    CHECK(bench.asked().empty());
    CHECK(bench.measure_wanted());
    bench.gate.measured({0}, bench.now, after(bench.now, 20'000), {kStart + bench.now.us + 10'000});
    bench.now = after(bench.now, 20'000);
  }
  bench.gate.turn(bench.now);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].decision.reason == Reason::ClockNotTrusted);
  CHECK_FALSE(answers[0].decision.allowed);
}

TEST_CASE("the daemon that stops answers everybody") {
  Bench bench;
  const auto use = limit(5);
  bench.check(use);
  const auto asked = bench.asked();
  bench.check(use);
  bench.gate.stop(bench.now);
  CHECK(bench.answers().size() == 2);
  CHECK(bench.check(use).verdict == Verdict::Stopping);
  bench.reply(asked[0]);
  CHECK(bench.answers().empty());
}

TEST_CASE("counters of past windows are forgotten") {
  Bench bench;
  const auto use = limit(5, 100);
  for (int i = 0; i < 20'000; ++i) {
    bench.check(use, std::to_string(i));
    bench.serve();
    bench.now = after(bench.now, 1000);
  }
  CHECK(bench.gate.counters() < 1000);
}

TEST_CASE("a window that was lost stays so under another number and for a key that was forgotten") {
  Bench bench;
  const auto use = limit(10);
  for (int i = 0; i < 4; ++i) bench.check(use);
  bench.serve();
  bench.answers();
  bench.store = MemoryCounters();  // FLUSHALL
  bench.check(use);
  bench.serve();
  bench.answers();
  CHECK(bench.gate.stats().windows_lost == 1);
  CHECK(bench.check(limit(20)).decision.reason == Reason::StoreAway);  // as a reload makes it
  CHECK(bench.check(limit(20), "other").waits);
}
