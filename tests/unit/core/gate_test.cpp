#include "daemon/core/gate.hpp"

#include "daemon/store/model/memory_counters.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000;  // store time at mono 0, us; a window starts

LimitUsePtr limit(std::int64_t permits, std::int64_t period_ms = 1000,
                  OnStoreDown policy = OnStoreDown::Deny) {
  Limit result = declared_limit("api", {permits, period_ms}, true);
  result.on_store_down = policy;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(result));
}

// A gate with a store whose answers come when the test says so.
struct Bench {
  Gate gate{Gate::Options{}};
  MemoryCounters store;
  Mono now{100'000};
  std::uint64_t tickets = 0;

  Bench() { up(); }
  void up() {
    measure();
    gate.store_up({0});
  }
  StoreTime store_time() const { return {kStart + now.us}; }
  void measure() { gate.measured({0}, now, now, store_time()); }
  CheckResult check(const LimitUsePtr& use, std::string_view key = "k", std::int64_t cost = 1) {
    return gate.check({use, key, cost, ++tickets}, now);
  }
  std::int64_t repeat(const LimitUsePtr& use, std::int64_t cost, const Decision& decided,
                      std::int64_t count) {
    return gate.repeat({use, "k", cost}, decided, count, now);
  }
  // All that the store would be asked for now, if the way to it were idle.
  std::vector<Reservation> asked() {
    gate.turn(now);
    std::vector<Reservation> all;
    if (!gate.shard({0}).health.is_up()) return all;
    Reservation next;
    for (const Pull::Of of : {Pull::Of::Lines, Pull::Of::Leases, Pull::Of::Aside}) {
      Pull pull;
      pull.of = of;
      while (gate.compose({0}, pull, now, next)) all.push_back(std::exchange(next, {}));
    }
    return all;
  }
  bool measure_wanted() { return std::exchange(gate.shard({0}).measure_wanted, false); }
  void reply(const Reservation& request) {
    const ReserveAnswer answer = store.reserve(request, store_time());
    measure();
    gate.answered(request.id, answer, now);
  }
  void serve() {
    for (const Reservation& request : asked()) reply(request);
  }
  std::vector<Answer> answers() { return std::exchange(gate.answers(), {}); }
  std::int64_t allowed() {
    std::int64_t count = 0;
    for (const Answer& answer : answers()) count += answer.decision.allowed ? 1 : 0;
    return count;
  }
};

}  // namespace

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
  const auto use = limit(10);
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
  CHECK(use->allowed == stats.allowed);
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
  bench.check(use, "k", 5);  // does not fit, but 3 are left
  bench.serve();
  const auto answers = bench.answers();
  REQUIRE_FALSE(answers.back().decision.allowed);
  CHECK(bench.repeat(use, 5, answers.back().decision, 4) == 0);
  bench.check(use, "k", 3);
  bench.serve();
  const auto denied = bench.check(use, "k", 5);
  REQUIRE_FALSE(denied.waits);
  const auto before = bench.gate.stats();
  CHECK(bench.repeat(use, 5, denied.decision, 4) == 4);
  CHECK(bench.gate.stats().denied - before.denied == 4);
  CHECK(use->denied == bench.gate.stats().denied);
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
  const auto answer = bench.store.reserve(first[0], bench.store_time());
  bench.now = Mono{1'050'000};
  bench.measure();
  bench.gate.answered(first[0].id, answer, bench.now);
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

TEST_CASE("a lost connection asks again what was under way; the store away answers by policy") {
  Bench bench;
  const auto use = limit(5);
  bench.check(use);
  const auto first = bench.asked();
  bench.gate.store_connecting({0});
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
  bench.gate.store_connecting({0});
  bench.gate.store_replaced({0});
  bench.measure();
  bench.gate.lose_open_windows({0}, bench.now);
  bench.gate.store_up({0});
  CHECK(bench.check(strict).decision.reason == Reason::StoreAway);
  CHECK(bench.check(open).waits);
  bench.now = Mono{1'100'000};
  CHECK(bench.check(strict).waits);
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
