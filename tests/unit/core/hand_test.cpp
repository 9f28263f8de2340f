// Costs that the pool alone cannot pay: what it holds is taken in hand, and counts as much as what
// the counter has left.
#include "daemon/core/hand.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

struct Leasing : Bench {
  LimitUsePtr use;

  explicit Leasing(std::int64_t permits, std::int64_t period_ms = 60'000)
      : use(limit(permits, period_ms)) {
    use->leased = true;
  }
  bool allows(std::int64_t cost) {
    const auto result = check(use, "k", cost);
    if (!result.waits) return result.decision.allowed;
    serve();
    const auto told = answers();
    REQUIRE(told.size() == 1);
    return told[0].decision.allowed;
  }
  // So that a lease comes along: single permits are demand.
  void warm_up(int permits) {
    for (int i = 0; i < permits; ++i) REQUIRE(allows(1));
    serve();
    REQUIRE(gate.counted() > 0);
  }
};

}  // namespace

TEST_CASE("a hand that is spent in part keeps what never was shown") {
  const Hand hand{30, 12};
  CHECK(hand.permits() == 42);
  CHECK(hand.without(10).shown == 20);
  CHECK(hand.without(10).stock == 12);
  CHECK(hand.without(35).shown == 0);
  CHECK(hand.without(35).stock == 7);
  CHECK(hand.without(99).permits() == 0);
}

TEST_CASE("one host may have the whole limit, whatever it holds of it already") {
  for (const std::int64_t period_ms : {1000, 60'000}) {
    Leasing bench(100'000, period_ms);
    bench.warm_up(40);
    CHECK(bench.allows(60'000));
    CHECK(bench.allows(100'000 - 60'040));
    CHECK_FALSE(bench.allows(1));
    CHECK(bench.gate.books().totals().spent == 100'000);
  }
}

TEST_CASE("a denied cost changes no counter, and takes nothing from the pool") {
  Leasing bench(5000);
  bench.warm_up(40);
  const auto before = bench.gate.books().totals();
  const std::int64_t held = bench.gate.counted();
  for (int i = 0; i < 10; ++i) CHECK_FALSE(bench.allows(5000));
  CHECK(bench.gate.books().totals().reserved == before.reserved);
  CHECK(bench.gate.books().totals().stranded == before.stranded);
  CHECK(bench.gate.counted() == held);
}

TEST_CASE("while permits are in hand nobody is denied for want of them") {
  Leasing bench(1000);
  bench.warm_up(40);
  const std::int64_t held = bench.gate.counted();
  REQUIRE(bench.check(bench.use, "k", 990).waits);  // more than there is: but the counter decides
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].in_hand == 0);  // pool and counter together are known to have too little
  bench.reply(asked[0]);
  bench.answers();

  REQUIRE(bench.check(bench.use, "k", 1000 - 40).waits);
  const auto all = bench.asked();
  REQUIRE(all.size() == 1);
  CHECK(all[0].in_hand == held);
  CHECK(bench.gate.counted() == held);             // in hand is held
  CHECK(bench.check(bench.use, "k", held).waits);  // it may come back
  bench.reply(all[0]);
  const auto told = bench.answers();
  REQUIRE(told.size() == 2);
  CHECK(told[0].decision.allowed);
  CHECK_FALSE(told[1].decision.allowed);
}

TEST_CASE("what is in hand comes back where the store does not answer") {
  Leasing bench(1000);
  bench.warm_up(40);
  const std::int64_t held = bench.gate.counted();
  const auto put_in_hand = [&] {
    bench.check(bench.use, "k", 1000 - 40);
    const auto asked = bench.asked();
    REQUIRE(asked.size() == 1);
    REQUIRE(asked[0].in_hand == held);
    return asked[0].id;
  };
  const std::uint64_t id = put_in_hand();
  SECTION("its call was answered by an error") {
    bench.gate.failed(id, Failure::StoreRefuses, bench.now);
  }
  SECTION("the connection was cut") { bench.gate.store_connecting({0}, bench.now); }
  SECTION("the store is away") { bench.gate.store_away({0}, bench.now); }
  CHECK(bench.gate.counted() == held);
  CHECK_FALSE(bench.check(bench.use).waits);
}

TEST_CASE("what is in hand when its window ends is stranded") {
  Leasing bench(1000, 1000);
  bench.warm_up(40);
  bench.check(bench.use, "k", 1000 - 40);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  bench.reply_at(Mono{1'050'000}, asked[0]);
  CHECK(bench.gate.counted() == 0);
  const auto& totals = bench.gate.books().totals();
  CHECK(totals.reserved == totals.spent + totals.stranded);
}

TEST_CASE("large costs make no lease") {
  Leasing bench(6400);
  for (int i = 0; i < 20; ++i) REQUIRE(bench.allows(101));
  bench.serve();
  CHECK(bench.gate.counted() == 0);
}
