// Limits that begin anew, through the gate: what is left of what was known, on the host that clears
// and on another one, and what of before comes back.
#include "tests/unit/core/clearing.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;

std::vector<LimitUsePtr> all_of_ten(Settle settle = Settle::Store) {
  return {
      window_of({10, Mode::Exact, settle, kHourMs}), window_of({10, Mode::Lease, settle, kHourMs}),
      bucket_of({10, Mode::Exact, settle, kHourMs}), bucket_of({10, Mode::Lease, settle, kHourMs})};
}

}  // namespace

// ---- Here -----------------------------------------------------------------------------------

TEST_CASE("a limit that was cleared begins anew, and the answer says what it held") {
  for (const auto& use : all_of_ten()) {
    Clearing bench(use);
    bench.take(10);
    CHECK_FALSE(bench.served(1).allowed);
    CHECK(bench.clear() == 10);
    CHECK(bench.served(10).allowed);
    CHECK_FALSE(bench.served(1).allowed);
    CHECK(bench.clear() == 10);
    CHECK(bench.served(10).allowed);
    CHECK(bench.gate.stats().cleared == 2);
    CHECK(bench.gate.stats().windows_lost == 0);
  }
}

TEST_CASE("where there is nothing, nothing is cleared") {
  for (const auto& use : all_of_ten()) {
    Clearing bench(use);
    CHECK(bench.clear() == 0);
    CHECK(bench.served(10).allowed);
  }
}

TEST_CASE("what the pool held is given up before the store is asked") {
  for (const auto& use : {window_of({1000}), bucket_of({1000})}) {
    Clearing bench(use);
    for (int i = 0; i < 2500 && bench.gate.counted() == 0; ++i) {
      bench.now.us += 1000;
      bench.served(1);
    }
    REQUIRE(bench.gate.counted() > 0);
    bench.begin_clear();
    CHECK(bench.gate.counted() == 0);
    CHECK(bench.check(bench.use, "k", 1).waits);
    CHECK(bench.asked().empty());
    check_books(bench.gate);
    bench.answer_clears();
    CHECK(bench.ended()->why_not == "");
    bench.answer_asked();
    CHECK(bench.allowed() == 1);
  }
}

TEST_CASE("it waits for what is under way, and lets nothing by meanwhile") {
  for (const auto& use : all_of_ten()) {
    Clearing bench(use);
    bench.take(5);
    REQUIRE(bench.check(bench.use, "k", 5).waits);
    const auto under_way = bench.asked();
    REQUIRE(under_way.size() == 1);
    bench.begin_clear();
    CHECK(bench.asked_to_clear().empty());
    REQUIRE(bench.check(bench.use, "k", 1).waits);
    bench.gate.answered(under_way.front().id,
                        bench.store.reserve(under_way.front(), bench.store_time()), bench.now);
    CHECK(bench.allowed() == 1);
    CHECK(bench.asked().empty());
    bench.answer_clears();
    CHECK(bench.ended()->permits == 10);
    bench.answer_asked();
    CHECK(bench.allowed() == 1);
  }
}

TEST_CASE("one that the store does not answer in time is in vain, and checks go on") {
  Clearing bench(window_of({10, Mode::Exact}));
  bench.take(3);
  bench.begin_clear(7);
  const auto asked = bench.asked_to_clear();
  REQUIRE(asked.size() == 1);
  bench.pass(300'000);
  bench.gate.turn(bench.now);
  const auto how = bench.ended();
  REQUIRE(how);
  CHECK(how->ticket == 7);
  CHECK(how->why_not == "the store has not answered in time");
  CHECK(bench.served(1).allowed);
  // It was done after all: the counter is lower than what was taken, and its mark tells why.
  bench.gate.clear_answered(asked.front(), bench.store.clear(asked.front(), bench.store_time()),
                            bench.now);
  CHECK_FALSE(bench.ended());
  CHECK(bench.served(6).allowed);
  CHECK(bench.served(4).allowed);
  CHECK(bench.gate.stats().windows_lost == 0);
}

TEST_CASE("one that the store refuses, or that is lost with the connection, says so") {
  Clearing bench(window_of({10, Mode::Exact}));
  bench.take(3);
  bench.begin_clear();
  bench.gate.clear_refused(bench.asked_to_clear().front(), "NOPERM no", bench.now);
  CHECK(bench.ended()->why_not == "NOPERM no");
  bench.begin_clear();
  CHECK(bench.asked_to_clear().size() == 1);
  bench.gate.store_connecting({0}, bench.now);
  CHECK(bench.ended()->why_not == "the connection to the store was lost, and nobody knows");
  bench.gate.store_away({0}, bench.now);
  bench.begin_clear();
  CHECK(bench.ended()->why_not == "the store is away");
}

TEST_CASE("one that was led elsewhere is asked for again, and so is one whose window was over") {
  Clearing bench(window_of({10, Mode::Exact}));
  bench.take(3);
  bench.begin_clear();
  bench.gate.clear_elsewhere(bench.asked_to_clear().front(), bench.now);
  CHECK_FALSE(bench.ended());
  bench.pass(20'000);
  bench.gate.turn(bench.now);
  const auto again = bench.asked_to_clear();
  REQUIRE(again.size() == 1);
  ClearAnswer over;
  over.status = ClearAnswer::Status::WindowOver;
  bench.gate.clear_answered(again.front(), over, bench.now);
  bench.pass(20'000);
  bench.gate.turn(bench.now);
  bench.answer_clears();
  CHECK(bench.ended()->permits == 3);
}

TEST_CASE("a daemon that stops tells so") {
  Clearing bench(window_of({10, Mode::Exact}));
  bench.take(3);
  bench.begin_clear();
  bench.gate.stop(bench.now);
  CHECK(bench.ended()->stopping);
  bench.begin_clear();
  CHECK(bench.ended()->stopping);
}

// ---- On another host ------------------------------------------------------------------------

TEST_CASE("another host goes on where a limit was cleared, and takes nothing for lost") {
  for (const auto& use : all_of_ten()) {
    Clearing here(use);
    Clearing there(use, here.store);
    there.take(10);
    CHECK_FALSE(here.served(1).allowed);
    CHECK(here.clear() == 10);
    here.take(2);
    // By then "exhausted" is doubted.
    there.pass(31'000'000);
    there.gate.turn(there.now);
    there.take(3);
    there.take(5);
    CHECK_FALSE(there.served(1).allowed);
    CHECK(there.gate.stats().windows_lost == 0);
    check_books(there.gate);
    // And once more.
    here.clear();
    there.pass(31'000'000);
    there.gate.turn(there.now);
    there.take(10);
    CHECK(there.gate.stats().windows_lost == 0);
  }
}

TEST_CASE("a counter that is lost is lost, be it one that was cleared before") {
  for (const bool deleted : {true, false}) {
    const auto use = window_of({10, Mode::Exact, Settle::Store, kHourMs});
    Clearing here(use);
    Clearing there(use, here.store);
    there.take(4);
    if (!deleted) here.clear();
    there.take(2);  // by whose answer it learns of it
    there.take(2);
    MemoryCounters empty;
    REQUIRE(there.check(use, "k", 1).waits);
    const auto asked = there.asked();
    REQUIRE(asked.size() == 1);
    there.gate.answered(asked.front().id, empty.reserve(asked.front(), there.store_time()),
                        there.now);
    const auto questions = there.asked_to_clear();
    REQUIRE(questions.size() == 1);
    CHECK(questions.front().mark == 0);
    // The mark outlives its counter, where that alone is lost.
    there.gate.clear_answered(questions.front(),
                              here.store.clear(questions.front(), there.store_time()), there.now);
    CHECK(there.gate.stats().windows_lost == 1);
    CHECK_FALSE(there.answers().front().decision.allowed);
  }
}

TEST_CASE("who cannot learn the mark takes the counter for lost; who is led elsewhere asks again") {
  for (const bool led : {false, true}) {
    const auto use = window_of({10, Mode::Exact, Settle::Store, kHourMs});
    Clearing here(use);
    Clearing there(use, here.store);
    there.take(8);
    here.clear();
    REQUIRE(there.check(use, "k", 1).waits);
    for (const Reservation& request : there.asked()) {
      there.gate.answered(request.id, here.store.reserve(request, there.store_time()), there.now);
      // Nothing comes twice; it would be harmless.
      there.gate.answered(request.id, here.store.reserve(request, there.store_time()), there.now);
    }
    const auto questions = there.asked_to_clear();
    REQUIRE(questions.size() == 1);
    if (!led) {
      there.gate.clear_refused(questions.front(), "NOPERM no", there.now);
      CHECK(there.gate.stats().windows_lost == 1);
      CHECK_FALSE(there.answers().front().decision.allowed);
      continue;
    }
    there.gate.clear_elsewhere(questions.front(), there.now);
    CHECK(there.gate.stats().windows_lost == 0);
    there.pass(60'000);
    there.gate.turn(there.now);
    there.answer_asked();
    CHECK(there.allowed() == 1);
  }
}

TEST_CASE("an answer that waits for the mark is dropped with its connection") {
  const auto use = window_of({10, Mode::Exact, Settle::Store, kHourMs});
  Clearing here(use);
  Clearing there(use, here.store);
  there.take(8);
  here.clear();
  REQUIRE(there.check(use, "k", 1).waits);
  for (const Reservation& request : there.asked()) {
    there.gate.answered(request.id, here.store.reserve(request, there.store_time()), there.now);
  }
  const auto questions = there.asked_to_clear();
  REQUIRE(questions.size() == 1);
  there.gate.store_connecting({0}, there.now);
  there.gate.store_up({0});
  there.gate.clear_answered(questions.front(),
                            here.store.clear(questions.front(), there.store_time()), there.now);
  CHECK(there.answers().empty());
  there.answer_asked();
  there.answer_asked();
  CHECK(there.allowed() == 1);
  CHECK(there.gate.stats().windows_lost == 0);
  check_books(there.gate);
}

// ---- What was taken before ------------------------------------------------------------------

TEST_CASE("what was taken before gives nothing back, neither here nor there") {
  for (const Settle settle : {Settle::Store, Settle::Host}) {
    for (const auto& use : all_of_ten(settle)) {
      const bool is_window = use->limit->algorithm->has_windows;
      // To a host that has not heard of it: docs/clearing.md.
      if (settle == Settle::Host && is_window && use->leased) continue;
      Clearing here(use);
      Clearing there(use, here.store);
      const std::int64_t mine = here.take(4);
      const std::int64_t theirs = there.take(4);
      here.clear();
      here.take(5);
      CHECK(here.refund(mine, 4) == 0);
      here.write();
      there.refund(theirs, 4);
      there.write();
      // As much as is left is left, when what was known is not believed any more.
      there.pass(2'100'000);
      CHECK_FALSE(there.served(6).allowed);
      CHECK(there.served(5).allowed);
    }
  }
}

TEST_CASE("nothing comes back to a host whose CLEAR may have been done") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Clearing bench(window_of({100, mode, Settle::Host, kHourMs}));
    const std::int64_t receipt = bench.take(4);
    bench.begin_clear();
    const auto asked = bench.asked_to_clear();
    REQUIRE(asked.size() == 1);
    bench.store.clear(asked.front(), bench.store_time());
    bench.gate.store_connecting({0}, bench.now);
    REQUIRE(bench.ended()->why_not == "the connection to the store was lost, and nobody knows");
    CHECK(bench.refund(receipt, 4) == 0);
    // It was, and what the mark then says is no loss.
    bench.gate.store_up({0});
    CHECK(bench.served(100).allowed);
    CHECK_FALSE(bench.served(1).allowed);
  }
}

TEST_CASE("what was taken of a bucket since it was cleared comes back, on all hosts") {
  const auto use = bucket_of({10, Mode::Exact, Settle::Store, kHourMs});
  Clearing here(use);
  Clearing there(use, here.store);
  there.take(4);
  here.clear();
  here.pass(2'100'000);
  there.pass(2'100'000);
  CHECK(here.refund(here.take(5), 5) == 5);
  here.write();
  CHECK(there.refund(there.take(10), 3) == 3);
  there.write();
  CHECK(here.served(3).allowed);
}

TEST_CASE("a key that was cleared is remembered for as long as something may come back") {
  const auto use = bucket_of({1000, Mode::Exact, Settle::Store, 1000});
  Clearing here(use);
  Clearing there(use, here.store);
  const std::int64_t receipt = there.take(400);
  here.clear();
  // It was full long ago.
  here.pass(4'500'000);
  there.pass(4'500'000);
  here.take(1000);
  there.refund(receipt, 400);
  there.write();
  CHECK_FALSE(here.served(100).allowed);
}

TEST_CASE(
    "stock of before is not taken off a counter that was cleared, by who has not heard of it") {
  const auto use = window_of({1000, Mode::Lease, Settle::Host, kHourMs});
  Clearing here(use);
  Clearing there(use, here.store);
  for (int i = 0; i < 200; ++i) {
    there.now.us += 1000;
    there.served(1);
  }
  REQUIRE(there.gate.counted() > 0);
  here.clear();
  here.take(500);
  there.gate.stop(there.now);
  CHECK(there.write() == 0);
  CHECK(here.served(500).allowed);
  CHECK_FALSE(here.served(1).allowed);
}

TEST_CASE("a limit that is declared by several numbers is one counter, and is cleared as one") {
  for (const bool elsewhere : {false, true}) {
    Clearing bench(window_of({10, Mode::Exact, Settle::Store, kHourMs}));
    Clearing other(bench.use, bench.store);
    const auto larger = window_of({20, Mode::Exact, Settle::Store, kHourMs});
    const auto take = [&](const LimitUsePtr& use, std::int64_t cost) {
      REQUIRE(bench.check(use, "k", cost).waits);
      bench.answer_asked();
      CHECK(bench.allowed() == 1);
    };
    take(bench.use, 4);
    take(larger, 8);
    (elsewhere ? other : bench).clear();
    take(bench.use, 1);
    take(larger, 1);
    CHECK(bench.gate.stats().windows_lost == 0);
  }
}
