// Permits that come back, and such that were used and never taken, through the gate: what comes
// back is what was spent, once, and is there for the next check.
#include <array>

#include "tests/unit/core/settling.hpp"

using namespace rategate;
using namespace rategate::test;

// ---- Fixed windows, down --------------------------------------------------------------------

TEST_CASE("what comes back to a leased window is there for the next check, and is not asked for") {
  Settling bench(window_of({10}));
  const std::int64_t receipt = bench.take(10);
  CHECK(receipt == kEndMs);
  CHECK_FALSE(bench.served(1).allowed);
  CHECK(bench.refund(receipt, 4) == 4);
  CHECK(bench.gate.counted() == 4);
  const CheckResult all = bench.check(bench.use, "k", 4);
  REQUIRE_FALSE(all.waits);
  CHECK((all.decision.allowed && all.decision.by == DecidedBy::Host));
  CHECK(all.decision.receipt == kEndMs);
  CHECK_FALSE(bench.served(1).allowed);
  CHECK(bench.write() == 0);
  CHECK(bench.counter() == 10);
  CHECK(bench.gate.books().totals().settled == 4);
}

TEST_CASE(
    "what comes back to a window that is not leased goes to the store, and so it does by "
    "settle = store") {
  for (const auto& use : {window_of({10, Mode::Exact}), window_of({10, Mode::Exact, Settle::Store}),
                          window_of({10, Mode::Lease, Settle::Store})}) {
    Settling bench(use);
    const std::int64_t receipt = bench.take(10);
    CHECK_FALSE(bench.served(1).allowed);
    CHECK(bench.refund(receipt, 3) == 3);
    CHECK(bench.gate.counted() == 3);
    CHECK(bench.counter() == 10);
    CHECK(bench.write() == 3);
    CHECK(bench.counter() == 7);
    CHECK(bench.gate.books().totals().released == 3);
    CHECK(bench.served(3).allowed);
    CHECK_FALSE(bench.served(1).allowed);
    CHECK(bench.counter() == 10);
  }
}

TEST_CASE("a store that lost its counts after some came back to it is found out") {
  for (const auto& use :
       {window_of({10, Mode::Exact}), bucket_of({10, Mode::Exact, Settle::Store, 10'000})}) {
    Settling bench(use);
    CHECK(bench.refund(bench.take(9), 4) == 4);
    CHECK(bench.write() == 4);
    CHECK(bench.served(1).allowed);
    MemoryCounters empty;
    CHECK_FALSE(bench.served_by(empty, 1).allowed);
  }
}

TEST_CASE("who knows that a long window is exhausted asks again after a while") {
  for (const Mode mode : {Mode::Lease, Mode::Exact}) {
    Settling one(window_of({10, mode, Settle::Store, 3'600'000}));
    Settling other(window_of({10, mode, Settle::Store, 3'600'000}));
    const std::int64_t receipt = one.take(5);
    // Its answer is older than what comes back meanwhile.
    REQUIRE(one.check(one.use, "k", 5).waits);
    const auto asked = one.asked();
    REQUIRE(asked.size() == 1);
    CHECK(one.refund(receipt, 5) == 5);
    one.reply(asked.front());
    CHECK(one.allowed() == 1);
    CHECK_FALSE(other.served_by(one.store, 1).allowed);
    CHECK(one.write() == 5);
    for (Settling* each : {&one, &other}) {
      each->pass(31'000'000);
      each->gate.turn(each->now);
      CHECK(each->served_by(one.store, 1).allowed);
    }
  }
}

TEST_CASE("a receipt is good until its window may be over") {
  for (const auto& use : {window_of({10}), window_of({10, Mode::Exact})}) {
    Settling bench(use);
    const std::int64_t receipt = bench.take(10);
    bench.go_to_latest(kEndMs * 1000 - 1);
    CHECK(bench.refund(receipt, 1) == 1);
    bench.go_to_latest(kEndMs * 1000);
    CHECK(bench.refund(receipt, 1) == 0);
    bench.pass(1000);
    CHECK(bench.refund(receipt, 1) == 0);
    bench.take(2);
    CHECK(bench.refund(receipt, 1) == 0);
    CHECK(bench.refund(receipt + 1000, 3) == 2);
  }
}

TEST_CASE(
    "no more comes back than was spent, and none of it twice, nor by another receipt or key") {
  for (const auto& use : {window_of({10}), window_of({10, Mode::Exact})}) {
    Settling bench(use);
    CHECK(bench.refund(kEndMs, 1) == 0);
    const std::int64_t receipt = bench.take(7);
    for (const std::int64_t other :
         {std::int64_t{0}, receipt - 1000, receipt - 1, receipt + 1, receipt + 1000, kHuge}) {
      CHECK(bench.refund(other, 1) == 0);
    }
    CHECK(bench.refund(receipt, 1, "another") == 0);
    CHECK(bench.settle(7, 7, receipt) == 0);
    CHECK(bench.refund(receipt, 5) == 5);
    CHECK(bench.refund(receipt, kMaxPermits) == 2);
    CHECK(bench.refund(receipt, 1) == 0);
  }
}

TEST_CASE("what is held, or in hand, was not spent") {
  Settling bench(window_of({1000}));
  const std::int64_t receipt = bench.take_with_lease(40);
  SECTION("held") { CHECK(bench.refund(receipt, 1000) == 40); }
  SECTION("in hand") {
    const std::int64_t held = bench.gate.counted();
    REQUIRE(bench.check(bench.use, "k", 960).waits);
    const auto asked = bench.asked();
    REQUIRE(asked.size() == 1);
    REQUIRE(asked.front().in_hand == held);
    CHECK(bench.refund(receipt, 1000) == 40);
    // The hand pays its part of them.
    bench.reply(asked.front());
    CHECK(bench.allowed() == 1);
    CHECK(bench.refund(receipt, 1000) == 960);
  }
  CHECK(bench.refund(receipt, 1000) == 0);
}

TEST_CASE("a lost window takes nothing back, nor a dropped limit, nor a gate that stops") {
  for (const auto& use : {window_of({10}), window_of({10, Mode::Exact})}) {
    for (const int what : {0, 1, 2}) {
      Settling bench(use);
      const std::int64_t receipt = bench.take(10);
      if (what == 0) bench.gate.lose_windows({0}, {.through = bench.store_time()}, bench.now);
      if (what == 1) bench.gate.stop(bench.now);
      if (what == 2) use->dropped = true;
      bench.gate.drop_limits(bench.now);
      CHECK(bench.refund(receipt, 5) == 0);
      CHECK(bench.settle(0, 5, receipt) == 0);
    }
  }
}

TEST_CASE("a window that is recounted takes back again when it is counted on") {
  Settling bench(window_of({10, Mode::Lease, Settle::Host, 3'600'000}));
  const std::int64_t receipt = bench.take(4);
  bench.gate.store_connecting({0}, bench.now);
  REQUIRE(bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, bench.now));
  bench.gate.store_up({0});
  std::vector<Recount> told;
  REQUIRE(bench.gate.compose_recounts({0}, 64, bench.now, told));
  CHECK(bench.refund(receipt, 1) == 0);
  bench.pass(LostWindows::kTellingUs + 10'000);
  CHECK(bench.refund(receipt, 1) == 0);
  ReserveAnswer answer;
  answer.counter = 5;
  bench.gate.recounted({0}, told, std::vector{answer}, bench.now);
  CHECK(bench.refund(receipt, 9) == 4);
  CHECK(bench.gate.counted() == 4);
}

TEST_CASE("while the store is away permits come back to the pool, and none to the store") {
  for (const auto& use : {window_of({10}), window_of({10, Mode::Exact}),
                          bucket_of({10, Mode::Exact, Settle::Store, 10'000})}) {
    Settling bench(use);
    const std::int64_t receipt = bench.take(10);
    bench.gate.store_away({0}, bench.now);
    CHECK(bench.refund(receipt, 4) == (use->leased ? 4 : 0));
    CHECK(bench.settle(0, 9, receipt) == (use->leased ? -4 : 0));
    bench.up();
    CHECK(bench.refund(receipt, 11) == 10);
  }
}

TEST_CASE("what was not written when the connection ends is lost") {
  Settling bench(window_of({10, Mode::Exact}));
  CHECK(bench.refund(bench.take(10), 4) == 4);
  bench.gate.store_connecting({0}, bench.now);
  CHECK(bench.gate.books().totals().stranded == 4);
  bench.up();
  CHECK(bench.write() == 0);
  CHECK_FALSE(bench.served(1).allowed);
}

TEST_CASE("a check that waits is served by what comes back") {
  Settling bench(window_of({1000}));
  const std::int64_t receipt = bench.take_with_lease(40);
  const std::int64_t held = bench.gate.counted();
  CHECK(bench.check(bench.use, "k", held + 10).waits);
  CHECK(bench.refund(receipt, 9) == 9);
  CHECK(bench.answers().empty());
  CHECK(bench.refund(receipt, 1) == 1);
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK((told.front().decision.allowed && told.front().decision.by == DecidedBy::Host));
  CHECK(bench.gate.counted() == 0);
}

// ---- Up -------------------------------------------------------------------------------------

TEST_CASE("what the host holds pays first, and the counter the rest") {
  Settling window(window_of({1000}));
  window.take_with_lease(40);
  Slices slices;
  for (Settling* bench : {&window, static_cast<Settling*>(&slices)}) {
    const std::int64_t held = bench->gate.counted();
    CHECK(bench->settle(5, 6, 0) == -1);
    CHECK(bench->gate.counted() == held - 1);
    CHECK(bench->gate.stats().overdrawn == 0);
    CHECK(bench->settle(5, 5 + held - 1 + 20, 0) == -(held - 1 + 20));
    CHECK(bench->gate.counted() == 0);
    CHECK(bench->gate.stats().overdrawn == 20);
    CHECK(bench->write() == -20);
  }
}

TEST_CASE("a penalty needs no receipt, and denies until there is room again") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Settling bench(window_of({10, mode}));
    CHECK(bench.settle(0, 15, 0) == -15);
    CHECK(bench.write() == -15);
    CHECK(bench.counter() == 15);
    const Decision denied = bench.served(1);
    CHECK((!denied.allowed && denied.remaining == 0 && denied.reason == Reason::OverLimit));
    bench.pass(1'000'000);
    CHECK(bench.served(10).allowed);
  }
}

// ---- Limits that are spread -----------------------------------------------------------------

TEST_CASE("the receipt of a limit that is spread names the counter") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    LimitTable table{1};
    Limit spread = window_limit({9, mode});
    spread.declared = false;
    spread.spread = 3;
    table.configure({spread}, 0);
    Settling bench(table.configured("api"));
    std::array<std::int64_t, 3> of_sub{};
    for (int i = 0; i < 9; ++i) {
      Decision decision = bench.check(bench.use).decision;
      for (auto all = bench.asked(); !all.empty(); all = bench.asked()) {
        for (const Reservation& request : all) bench.reply(request);
        for (const Answer& answer : bench.answers()) decision = answer.decision;
      }
      REQUIRE(decision.allowed);
      const Receipt receipt = Receipt::of(decision.receipt, true);
      REQUIRE((receipt.sub < 3 && receipt.until_ms == kEndMs));
      of_sub[receipt.sub] = decision.receipt;
    }
    for (const std::int64_t receipt : of_sub) CHECK(bench.refund(receipt, 9) == 3);
    for (const std::int64_t wrong : {of_sub[0] + 3, kEndMs, kHuge}) {
      CHECK(bench.refund(wrong, 1) == 0);
    }
    CHECK(bench.write() == (mode == Mode::Exact ? 9 : 0));
    CHECK(bench.gate.counted() == (mode == Mode::Exact ? 0 : 9));
    CHECK(bench.settle(0, 2, of_sub[1]) == -2);
  }
}
