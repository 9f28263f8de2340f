// Permits of token buckets that are leased ahead of the checks, through the gate.
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

// A bucket of 1000 into which 1000 flow in each second: its slices are 62 ms.
LimitUsePtr thousand(Mode mode = Mode::Auto) {
  Limit limit = declared_limit("api", {1000, 1000}, true);
  limit.algorithm = &kTokenBucket;
  limit.burst = 1000;
  limit.mode = mode;
  limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

// No lease of it is good for longer.
constexpr std::int64_t kLifeUs = 78'000;

struct Leasing : Bench {
  LimitUsePtr use;

  explicit Leasing(LimitUsePtr of = thousand()) : use(std::move(of)) {}

  // One check in each millisecond, and how many of them were decided in place, and how many
  // allowed.
  struct Steady {
    int in_place = 0;
    std::int64_t allowed = 0;
  };
  Steady steadily(int checks) {
    Steady seen;
    for (int i = 0; i < checks; ++i) {
      now.us += 1000;
      const CheckResult result = check(use);
      if (!result.waits) ++seen.in_place;
      if (!result.waits && result.decision.allowed) ++seen.allowed;
      serve();
      seen.allowed += allowed();
    }
    return seen;
  }
  // So that permits are held.
  void warm_up() {
    steadily(2500);
    REQUIRE(gate.counted() > 0);
    REQUIRE(gate.books().totals().held == gate.counted());
  }
  // For many checks at once the store is asked; what it answers comes when the test says so.
  Reservation asked_by_many(int checks = 400) {
    for (int i = 0; i < checks; ++i) REQUIRE(check(use).waits);
    auto all = asked();
    REQUIRE(all.size() == 1);
    return std::move(all.front());
  }
  // Another host takes so many.
  void taken_elsewhere(const Reservation& like, std::int64_t permits) {
    Reservation other = like;
    other.costs = CostRuns{{permits, 1}};
    other.lease = other.in_hand = 0;
    REQUIRE(store.reserve(other, store_time()).granted.front() == 1);
  }
  Decision served(std::int64_t cost = 1) {
    const CheckResult result = check(use, "k", cost);
    if (!result.waits) return result.decision;
    serve();
    const auto told = answers();
    REQUIRE(told.size() == 1);
    return told.front().decision;
  }
  // As much as pool and bucket have together is asked for at once.
  Reservation asked_for_all() {
    const Decision before = served();
    serve();
    REQUIRE(before.allowed);
    REQUIRE(check(use, "k", before.remaining).waits);
    auto all = asked();
    REQUIRE(all.size() == 1);
    REQUIRE(all.front().in_hand > 0);
    return std::move(all.front());
  }
};

}  // namespace

TEST_CASE("a host that checks steadily is served in place") {
  Leasing bench;
  bench.steadily(2000);
  const Leasing::Steady seen = bench.steadily(3000);
  CHECK(seen.allowed == 3000);
  CHECK(seen.in_place > 2400);
  check_books(bench.gate);
  CHECK(bench.gate.books().totals().stranded < 300);
}

TEST_CASE("a burst out of a full bucket is counted exactly, and finds all of it") {
  Leasing bench;
  std::int64_t allowed = 0;
  for (int i = 0; i < 1200; ++i) {
    const CheckResult result = bench.check(bench.use);
    if (!result.waits && result.decision.allowed) ++allowed;
    bench.serve();
    allowed += bench.allowed();
  }
  CHECK(allowed == 1000);
  check_books(bench.gate);
}

TEST_CASE("copies of a check are decided at once, as many as there are leased permits for") {
  Leasing bench;
  bench.warm_up();
  const CheckResult first = bench.check(bench.use);
  REQUIRE_FALSE(first.waits);
  const std::int64_t held = bench.gate.counted();
  CHECK(bench.repeat(bench.use, 1, first.decision, 3) == 3);
  CHECK(bench.gate.counted() == held - 3);
  CHECK(bench.repeat(bench.use, 1, first.decision, 1000) == held - 3);
  CHECK(bench.repeat(bench.use, 1, first.decision, 1000) == 0);
  check_books(bench.gate);
}

TEST_CASE("leased permits are not spent after their end") {
  Leasing bench;
  bench.warm_up();
  REQUIRE_FALSE(bench.check(bench.use).waits);
  bench.now.us += kLifeUs;
  CHECK(bench.gate.counted() > 0);
  CHECK(bench.check(bench.use).waits);
  check_books(bench.gate);
}

TEST_CASE("leased permits are spent as long as it is before their end at the latest") {
  Leasing bench;
  const Reservation asked = bench.asked_by_many();
  const ReserveAnswer answer = bench.store.reserve(asked, bench.store_time());
  REQUIRE(answer.leased > 1);
  bench.gate.answered(asked.id, answer, bench.now);
  bench.answers();
  const std::int64_t ends_us = answer.ends_ms * 1000;
  const auto until = [&](std::int64_t store_us) {
    bench.now.us = store_us - kStart;
    bench.measure();
    const auto reading = bench.gate.shard({0}).clock.read(bench.now);
    REQUIRE(reading);
    return reading->latest.us;
  };
  const std::int64_t error_us = until(bench.store_time().us) - bench.store_time().us;
  REQUIRE(until(ends_us - error_us - 1) == ends_us - 1);
  CHECK_FALSE(bench.check(bench.use).waits);
  REQUIRE(until(ends_us - error_us) == ends_us);
  CHECK(bench.check(bench.use).waits);
  check_books(bench.gate);
}

TEST_CASE("a lease whose end may be past when its answer comes is dropped") {
  Leasing bench;
  const Reservation asked = bench.asked_by_many();
  const ReserveAnswer answer = bench.store.reserve(asked, bench.store_time());
  REQUIRE(answer.leased > 0);
  // Not over by the earliest time, nor by the middle.
  bench.now.us = answer.ends_ms * 1000 - 50 - kStart;
  bench.measure();
  bench.gate.answered(asked.id, answer, bench.now);
  CHECK(bench.allowed() == 400);
  CHECK(bench.gate.counted() == 0);
  CHECK(bench.gate.books().totals().stranded == answer.leased);
  CHECK(bench.gate.stats().late_answers == 1);
  check_books(bench.gate);
}

TEST_CASE("after a denial with nothing left the store is not asked before the pause is over") {
  Leasing bench;
  REQUIRE(bench.check(bench.use).waits);
  auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.taken_elsewhere(asked.front(), 1000);
  bench.reply(asked.front());
  auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK_FALSE(told.front().decision.allowed);
  // A quarter of a slice, though a permit fits in a millisecond.
  CHECK(told.front().decision.retry_after_ms >= 16);
  CHECK(told.front().decision.retry_after_ms <= 17);
  bench.now.us += 10'000;
  const CheckResult meanwhile = bench.check(bench.use);
  REQUIRE_FALSE(meanwhile.waits);
  CHECK_FALSE(meanwhile.decision.allowed);
  CHECK(meanwhile.decision.retry_after_ms >= 6);
  CHECK(meanwhile.decision.retry_after_ms <= 7);
  CHECK(bench.asked().empty());
  bench.now.us += 5'600;
  CHECK(bench.served().allowed);
  check_books(bench.gate);
}

TEST_CASE("who comes back when a denial says finds a permit") {
  Leasing bench;
  REQUIRE(bench.served(1000).allowed);
  const Decision denied = bench.served();
  REQUIRE_FALSE(denied.allowed);
  bench.now.us += denied.retry_after_ms * 1000;
  CHECK(bench.served().allowed);
}

TEST_CASE("after a denial a smaller cost is not denied while something is left") {
  Leasing bench;
  REQUIRE(bench.check(bench.use, "k", 10).waits);
  auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.taken_elsewhere(asked.front(), 995);
  bench.reply(asked.front());
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK_FALSE(told.front().decision.allowed);
  CHECK(told.front().decision.remaining == 5);
  CHECK_FALSE(bench.check(bench.use, "k", 10).waits);
  CHECK(bench.served(5).allowed);
  CHECK_FALSE(bench.served().allowed);
  check_books(bench.gate);
}

TEST_CASE("a cost that pool and bucket can pay together is paid with the hand") {
  Leasing bench;
  bench.warm_up();
  const Reservation asked = bench.asked_for_all();
  const std::int64_t held = bench.gate.counted();
  REQUIRE(asked.bucket);
  CHECK(asked.bucket->hand_ends_ms * 1000 > bench.store_time().us);
  CHECK(asked.bucket->hand_ends_ms % bench.use->slices.slice_ms == 0);
  CHECK(asked.in_hand <= held);
  const std::int64_t reserved = bench.gate.books().totals().reserved;
  bench.reply(asked);
  CHECK(bench.allowed() == 1);
  // What was in hand was reserved before.
  CHECK(bench.gate.books().totals().reserved - reserved ==
        asked.costs.front().cost - asked.in_hand);
  CHECK(bench.gate.counted() == held - asked.in_hand);
  check_books(bench.gate);
}

TEST_CASE("the hand comes back where the store does not answer") {
  Leasing bench;
  bench.warm_up();
  const Reservation asked = bench.asked_for_all();
  const std::int64_t held = bench.gate.counted();
  SECTION("its call was answered by an error") {
    bench.gate.failed(asked.id, Failure::StoreRefuses, bench.now);
  }
  SECTION("the connection was cut") { bench.gate.store_connecting({0}, bench.now); }
  SECTION("the store is away") { bench.gate.store_away({0}, bench.now); }
  CHECK(bench.gate.counted() == held);
  CHECK_FALSE(bench.check(bench.use).waits);
  check_books(bench.gate);
}

TEST_CASE("a hand whose end has passed when the store looks is not counted") {
  Leasing bench;
  bench.warm_up();
  const Reservation asked = bench.asked_for_all();
  const Books::Totals before = bench.gate.books().totals();
  bench.now.us = asked.bucket->hand_ends_ms * 1000 - kStart;
  bench.reply(asked);
  // More has flowed in by then than was in hand.
  CHECK(bench.allowed() == 1);
  const Books::Totals& after = bench.gate.books().totals();
  CHECK(after.spent - before.spent == asked.costs.front().cost);
  // All that is held by now has come with this answer.
  CHECK(after.reserved - before.reserved == asked.costs.front().cost + bench.gate.counted());
  CHECK(after.stranded - before.stranded == asked.in_hand);
  check_books(bench.gate);
}

TEST_CASE("leases are given up where their ends cannot be told any more") {
  Leasing bench;
  bench.warm_up();
  const std::int64_t held = bench.gate.counted();
  const std::int64_t stranded = bench.gate.books().totals().stranded;
  SECTION("a measurement contradicts the clock") {
    const StoreTime back{bench.store_time().us - 50'000};
    CHECK(bench.gate.measured({0}, bench.now, bench.now, back) ==
          StoreClock::Measured::Contradicted);
  }
  SECTION("the store was replaced") { bench.gate.store_replaced({0}, bench.now); }
  CHECK(bench.gate.counted() == 0);
  CHECK(bench.gate.books().totals().stranded - stranded == held);
  CHECK(bench.check(bench.use).waits);
  check_books(bench.gate);
}

TEST_CASE("leases are given up where the store lost its counts, whoever may tell them again") {
  for (const bool recounts : {false, true}) {
    Leasing bench;
    bench.warm_up();
    bench.gate.lose_windows({0}, {.through = bench.store_time(), .recounts = recounts}, bench.now);
    CHECK(bench.gate.counted() == 0);
    CHECK_FALSE(bench.served().allowed);
    bench.now.us += 20'000;
    CHECK(bench.served().allowed);
    check_books(bench.gate);
  }
}

TEST_CASE("a store that leases for another time than the slices have gives nothing") {
  for (const std::int64_t later_ms : {62, -62, 1}) {
    Leasing bench;
    const Reservation asked = bench.asked_by_many();
    ReserveAnswer answer = bench.store.reserve(asked, bench.store_time());
    REQUIRE(answer.leased > 0);
    answer.ends_ms += later_ms;
    bench.gate.answered(asked.id, answer, bench.now);
    CHECK(bench.answers().empty());
    CHECK(bench.gate.counted() == 0);
    CHECK(bench.gate.books().totals().reserved == 0);
    // They are asked for again.
    bench.serve();
    CHECK(bench.allowed() == 400);
    check_books(bench.gate);
  }
}

TEST_CASE("a store that leases what is not leased gives nothing") {
  Leasing bench(thousand(Mode::Exact));
  const Reservation asked = bench.asked_by_many(1);
  ReserveAnswer answer = bench.store.reserve(asked, bench.store_time());
  answer.leased = 5;
  answer.ends_ms = bench.store_time().us / 1000 + 50;
  bench.gate.answered(asked.id, answer, bench.now);
  CHECK(bench.answers().empty());
  CHECK(bench.gate.counted() == 0);
  check_books(bench.gate);
}

TEST_CASE("a bucket of mode exact, and one of CL.THROTTLE, asks for no lease") {
  for (const LimitUsePtr& use :
       {thousand(Mode::Exact), std::make_shared<LimitUse>(std::make_shared<const Limit>(
                                   cell_limit({1000, 1000}, 1000)))}) {
    Leasing bench(use);
    for (int turn = 0; turn < 3; ++turn) {
      const Reservation asked = bench.asked_by_many(200);
      CHECK(asked.lease == 0);
      CHECK(asked.bucket->slices.none());
      bench.reply(asked);
      CHECK(bench.allowed() == 200);
      CHECK(bench.asked().empty());
    }
    CHECK(bench.steadily(100).in_place == 0);
    CHECK(bench.gate.counted() == 0);
    check_books(bench.gate);
  }
}

TEST_CASE("what was granted to a check whose asker has gone does not come into the pool") {
  Leasing bench;
  const CheckResult gone = bench.check(bench.use, "k", 100);
  REQUIRE(gone.waits);
  auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.gate.abandon(gone.waiter);
  bench.reply(asked.front());
  CHECK(bench.answers().empty());
  CHECK(bench.gate.counted() == 0);
  CHECK(bench.gate.books().totals().stranded == 100);
  CHECK(bench.check(bench.use).waits);
  check_books(bench.gate);
}

TEST_CASE("what is in hand is given up when a measurement contradicts the clock it ends by") {
  Leasing bench;
  bench.warm_up();
  const Reservation asked = bench.asked_for_all();
  const StoreTime back{bench.store_time().us - 1'000'000};
  ReserveAnswer answer;
  answer.time = back;
  answer.granted = {1};
  answer.bucket = TokenBucket{back.us, 2000, {1, 1000}};
  CHECK(bench.gate.measured({0}, bench.now, bench.now, back) == StoreClock::Measured::Contradicted);
  bench.gate.answered(asked.id, answer, bench.now);
  CHECK(bench.allowed() == 0);  // without it there is too little
  CHECK(bench.gate.counted() == 0);
  check_books(bench.gate);
}

TEST_CASE("so is a lease that was granted before the clock was set back") {
  Leasing bench;
  const Reservation asked = bench.asked_by_many();
  const ReserveAnswer answer = bench.store.reserve(asked, bench.store_time());
  REQUIRE(answer.leased > 0);
  const StoreTime back{bench.store_time().us - 500'000};
  CHECK(bench.gate.measured({0}, bench.now, bench.now, back) == StoreClock::Measured::Contradicted);
  bench.gate.answered(asked.id, answer, bench.now);
  CHECK(bench.allowed() == 400);
  CHECK(bench.gate.counted() == 0);
  check_books(bench.gate);
}

TEST_CASE("what a decision says is left can be had at once, though it lies in two slices") {
  // Over three slices, so that some moments have two of them.
  for (int checks = 2400; checks < 2600; ++checks) {
    Leasing bench;
    bench.steadily(checks);
    const Decision before = bench.served();
    bench.serve();
    INFO(checks);
    REQUIRE(before.allowed);
    const CheckResult all = bench.check(bench.use, "k", before.remaining);
    REQUIRE(all.waits);
    const auto asked = bench.asked();
    REQUIRE(asked.size() == 1);
    bench.reply(asked.front());
    CHECK(bench.allowed() == 1);
    check_books(bench.gate);
  }
}
