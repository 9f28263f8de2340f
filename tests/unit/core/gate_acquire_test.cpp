// ACQUIRE through the gate: the order of a line, its bounds, and its end.
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

LimitUsePtr window_of(std::int64_t permits, Mode mode = Mode::Exact) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.mode = mode;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

// So many flow in each second.
LimitUsePtr bucket_of(std::int64_t permits, std::int64_t burst) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.algorithm = &kTokenBucket;
  limit.burst = burst;
  limit.mode = Mode::Exact;
  limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

struct Waiting : Bench {
  CheckResult acquire(const LimitUsePtr& use, std::int64_t wait_ms, std::int64_t cost = 1) {
    return gate.check({use, "k", cost, ++tickets, 0, {}, after(now, wait_ms * 1000)}, now);
  }
  // Until then, as the loop would: whoever is told meanwhile.
  std::vector<Answer> until(std::int64_t at_us) {
    std::vector<Answer> told;
    while (now.us < at_us) {
      for (auto all = asked(); !all.empty(); all = asked()) {
        for (const Reservation& request : all) reply(request);
      }
      for (const Answer& answer : answers()) told.push_back(answer);
      const Mono next = std::max(gate.next_turn(), Mono{now.us + 50});
      now = std::min(next, Mono{at_us});
      measure();
    }
    return told;
  }
  static std::vector<std::uint64_t> tickets_of(const std::vector<Answer>& answers, bool allowed) {
    std::vector<std::uint64_t> tickets;
    for (const Answer& answer : answers) {
      if (answer.decision.allowed == allowed) tickets.push_back(answer.ticket);
    }
    return tickets;
  }
};

using Tickets = std::vector<std::uint64_t>;

// Of so many who ask for a bucket of one permit all but the first are booked, so long ago.
void book_all_but_one(Waiting& bench, int acquirers, std::int64_t ago_us) {
  const auto use = bucket_of(10, 1);
  for (int i = 0; i < acquirers; ++i) REQUIRE(bench.acquire(use, 5000).waits);
  bench.serve();
  CHECK(bench.allowed() == 1);
  bench.now.us += ago_us;
  bench.measure();
}

}  // namespace

TEST_CASE("who waits for a window is served when it opens, in order, and before who comes then") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Waiting bench;
    const auto use = window_of(20, mode);
    for (int i = 0; i < 30; ++i) REQUIRE(bench.acquire(use, 5000).waits);
    Tickets first;
    for (std::uint64_t ticket = 1; ticket <= 20; ++ticket) first.push_back(ticket);
    CHECK(Waiting::tickets_of(bench.until(900'000), true) == first);
    CHECK(bench.gate.acquiring() == 10);
    const auto told = bench.until(1'900'000);
    CHECK(Waiting::tickets_of(told, true) == Tickets{21, 22, 23, 24, 25, 26, 27, 28, 29, 30});
    CHECK(bench.gate.waiting() == 0);
    check_books(bench.gate);
  }
}

TEST_CASE("a large cost is not overtaken by smaller ones behind it") {
  Waiting bench;
  const auto use = window_of(10);
  REQUIRE(bench.acquire(use, 100, 8).waits);
  REQUIRE(bench.acquire(use, 5000, 8).waits);
  REQUIRE(bench.acquire(use, 5000, 1).waits);
  REQUIRE(bench.acquire(use, 5000, 2).waits);
  CHECK(Waiting::tickets_of(bench.until(900'000), true) == Tickets{1});
  CHECK(Waiting::tickets_of(bench.until(1'900'000), true) == Tickets{2, 3});
  CHECK(Waiting::tickets_of(bench.until(2'900'000), true) == Tickets{4});
}

TEST_CASE("the time-out denies; and at once where nothing is to be had by then") {
  Waiting bench;
  const auto use = window_of(1);
  REQUIRE(bench.acquire(use, 100).waits);
  bench.serve();
  CHECK(bench.allowed() == 1);
  const CheckResult soon = bench.acquire(use, 100);
  CHECK_FALSE(soon.waits);
  CHECK_FALSE(soon.decision.allowed);
  CHECK(soon.decision.retry_after_ms > 100);
  REQUIRE(bench.acquire(use, 1200).waits);
  REQUIRE(bench.acquire(use, 1300).waits);
  const auto told = bench.until(2'000'000);
  CHECK(Waiting::tickets_of(told, true) == Tickets{3});
  CHECK(Waiting::tickets_of(told, false) == Tickets{4});
  CHECK(bench.gate.stats().denied == 2);
  // A cost that can never fit is not waited for.
  CHECK(bench.acquire(use, 5000, 2).decision.reason == Reason::NeverFits);
}

TEST_CASE("permits of a bucket are booked, and told in order when their moments have come") {
  Waiting bench;
  const auto use = bucket_of(10, 1);
  for (int i = 0; i < 4; ++i) REQUIRE(bench.acquire(use, 5000).waits);
  const std::int64_t begin = bench.now.us;
  CHECK(Waiting::tickets_of(bench.until(begin + 99'000), true) == Tickets{1});
  CHECK(Waiting::tickets_of(bench.until(begin + 199'000), true) == Tickets{2});
  // A check is behind them.
  CHECK(bench.gate.acquiring() == 2);
  CHECK_FALSE(bench.check(use).decision.allowed);
  CHECK(Waiting::tickets_of(bench.until(begin + 310'000), true) == Tickets{3, 4});
  CHECK(bench.gate.stats().reservations <= 9);
  check_books(bench.gate);
}

TEST_CASE("what is booked beyond the time-out is refused at once, and not charged") {
  Waiting bench;
  const auto use = bucket_of(10, 1);
  REQUIRE(bench.acquire(use, 5000).waits);
  REQUIRE(bench.acquire(use, 50).waits);
  REQUIRE(bench.acquire(use, 150).waits);
  const auto told = bench.until(bench.now.us + 20'000);
  CHECK(Waiting::tickets_of(told, false) == Tickets{2});
  CHECK(told.size() == 2);
  for (const Answer& answer : told) {
    if (!answer.decision.allowed) CHECK(answer.decision.retry_after_ms > 50);
  }
  CHECK(Waiting::tickets_of(bench.until(bench.now.us + 100'000), true) == Tickets{3});
}

TEST_CASE("who leaves makes no hole: those behind move up, and who comes takes what is left over") {
  Waiting bench;
  const auto use = bucket_of(10, 1);
  std::vector<CheckResult> those;
  for (int i = 0; i < 4; ++i) those.push_back(bench.acquire(use, 5000));
  const std::int64_t begin = bench.now.us;
  bench.until(begin + 10'000);
  bench.gate.abandon(those[1].waiter);
  CHECK(Waiting::tickets_of(bench.until(begin + 110'000), true) == Tickets{3});
  CHECK(Waiting::tickets_of(bench.until(begin + 210'000), true) == Tickets{4});
  // One is booked for nobody: who comes has it, and not one of his own, which would be later.
  REQUIRE(bench.acquire(use, 5000).waits);
  CHECK(Waiting::tickets_of(bench.until(begin + 310'000), true) == Tickets{5});
  CHECK(bench.gate.waiting() == 0);
  check_books(bench.gate);
}

TEST_CASE("nothing is told before the store has said that it still has what is booked") {
  Waiting bench;
  book_all_but_one(bench, 2, 150'000);
  const auto confirms = bench.asked();
  REQUIRE(confirms.size() == 1);
  CHECK(confirms.front().costs.empty());
  CHECK(bench.answers().empty());
  bench.reply(confirms.front());
  CHECK(bench.allowed() == 1);
  check_books(bench.gate);
}

TEST_CASE("what is booked is void where the store may have lost it, and is booked again") {
  Waiting bench;
  book_all_but_one(bench, 3, 50'000);
  bench.store = MemoryCounters();
  bench.gate.lose_windows({0}, {bench.store_time()}, bench.now);
  // As this host knows of all that was charged, it is counted on, though what was booked is void.
  const std::int64_t charged = 100'000 + 3 * 100'000;
  CHECK(bench.until(charged).empty());
  CHECK(Waiting::tickets_of(bench.until(charged + 10'000), true) == Tickets{2});
  CHECK(Waiting::tickets_of(bench.until(charged + 110'000), true) == Tickets{3});
  check_books(bench.gate);
}

TEST_CASE("what is booked is void when the store's clock is set back, and is booked again") {
  Waiting bench;
  book_all_but_one(bench, 3, 50'000);
  const StoreTime back{bench.store_time().us - 1'000'000};
  REQUIRE(bench.gate.measured({0}, bench.now, bench.now, back) ==
          StoreClock::Measured::Contradicted);
  CHECK(bench.gate.books().totals().stranded == 2);
  const auto again = bench.asked();
  REQUIRE(again.size() == 1);
  REQUIRE(again.front().bookings.size() == 2);
  // What was charged is not there any more: these are behind it.
  const ReserveAnswer answer = bench.store.reserve(again.front(), back);
  CHECK(answer.booked == std::vector{StoreTime{kStart + 400'000}, StoreTime{kStart + 500'000}});
  bench.gate.answered(again.front().id, answer, bench.now);
  CHECK(bench.allowed() == 0);
  CHECK(bench.gate.acquiring() == 2);
  check_books(bench.gate);
}

TEST_CASE("while the store does not answer it is the policy that does, and not the time-out") {
  Waiting bench;
  const auto use = window_of(10);
  REQUIRE(bench.acquire(use, 60'000).waits);
  bench.now.us += 250'001;
  bench.gate.turn(bench.now);
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK(told.front().decision.reason == Reason::StoreAway);
  bench.gate.store_away({0}, bench.now);
  CHECK_FALSE(bench.acquire(use, 60'000).waits);
}

TEST_CASE("a line is bounded, and a gate that stops answers all of it") {
  Gate::Options options;
  options.max_parked = 4;
  options.max_parked_per_key = 3;
  Gate gate(options);
  const Mono now{100'000};
  gate.measured({0}, now, now, {kStart + now.us});
  gate.store_up({0});
  const auto use = window_of(1);
  std::uint64_t ticket = 0;
  const auto acquire = [&](std::string_view key) {
    return gate.check({use, key, 1, ++ticket, 0, {}, after(now, 1'000'000)}, now);
  };
  for (int i = 0; i < 3; ++i) CHECK(acquire("a").waits);
  CHECK(acquire("a").verdict == Verdict::Crowded);
  CHECK(acquire("b").waits);
  CHECK(acquire("b").verdict == Verdict::Crowded);
  CHECK(gate.acquiring() == 4);
  gate.stop(now);
  CHECK(gate.answers().size() == 4);
  for (const Answer& answer : gate.answers()) CHECK(answer.verdict == Verdict::Stopping);
  CHECK(gate.acquiring() == 0);
}

TEST_CASE("what is booked is for nobody who comes after its moment") {
  Waiting bench;
  const auto use = bucket_of(10, 1);
  std::vector<CheckResult> those;
  for (int i = 0; i < 2; ++i) those.push_back(bench.acquire(use, 5000));
  bench.serve();
  REQUIRE(bench.allowed() == 1);
  bench.gate.abandon(those[1].waiter);
  // Its moment is over, and the store has not said so yet.
  bench.now.us += 150'000;
  bench.measure();
  REQUIRE(bench.acquire(use, 5000).waits);
  const auto told = bench.until(bench.now.us + 300'000);
  REQUIRE(told.size() == 1);
  CHECK(told.front().decision.allowed);
  CHECK(told.front().decision.receipt >= (kStart + 250'000) / 1000);
  check_books(bench.gate);
}
