// What is told of how a decision came about, and that nothing is taken for it.
#include "daemon/core/explanation.hpp"
#include "tests/unit/core/gate_bench.hpp"
#include "tests/unit/core/segment_memory.hpp"

namespace rategate::test {
namespace {

using Told = std::shared_ptr<const Explanation>;

CombinedRequest question(Members members) {
  return {std::move(members), false, 77, 0, Telling::Map, true};
}

// What is told, whether the store has to be asked or not.
Told explain(Bench& bench, Members members) {
  const CheckResult result = bench.gate.check_combined(question(std::move(members)), bench.now);
  if (!result.waits) return bench.gate.take_explanation();
  bench.serve();
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  CHECK(answers.front().ticket == 77);
  return answers.front().explanation;
}

Told explain(Bench& bench, const LimitUsePtr& use, std::int64_t cost = 1) {
  return explain(bench, Members{{use, "k", cost}});
}

LimitUsePtr made(std::int64_t permits, Mode mode, const Algorithm* algorithm = &kFixedWindow,
                 OnStoreDown policy = OnStoreDown::Deny) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.mode = mode;
  limit.algorithm = algorithm;
  limit.on_store_down = policy;
  if (!algorithm->has_windows) limit.redis_key = *KeyTemplate::parse("rategate:{%n:%k}:bucket");
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

}  // namespace

TEST_CASE("an explanation has the decision of a look, and takes as little") {
  for (const Algorithm* algorithm : kAlgorithms) {
    for (const Mode mode : {Mode::Exact, Mode::Lease}) {
      Bench bench;
      const auto use = made(10, mode, algorithm);
      for (int i = 0; i < 3; ++i) {
        const Told all = explain(bench, use, 10);
        REQUIRE(all != nullptr);
        CHECK((all->answer.decision.allowed && all->answer.decision.remaining == 10));
        CHECK((all->limits.size() == 1 && all->decides == 0 && all->name == "api"));
        const std::int64_t before_us = bench.store_time().us - all->now->us;
        CHECK((before_us >= 0 && before_us < 1000));  // the earliest that it may be
      }
      CHECK(bench.gate.books().totals().reserved == 0);
      CHECK(bench.check(use, "k", 10).waits);
      bench.serve();
      CHECK(bench.allowed() == 1);
      const Told none = explain(bench, use);
      CHECK((!none->answer.decision.allowed && none->answer.decision.retry_after_ms > 0));
      const ExplainedLimit& limit = none->limits.front();
      CHECK((limit.key == "k" && limit.cost == 1 && limit.leased == (mode == Mode::Lease)));
      CHECK(limit.why_leased == "configured");
      REQUIRE((limit.answer && limit.counters.size() == 1));
      CHECK(limit.answer->decision.allowed == none->answer.decision.allowed);
      const ExplainedCounter& counter = limit.counters.front();
      CHECK((counter.store == StoreState::Up && counter.clock == ClockState::Good));
      CHECK((counter.left && *counter.left == 0));
      CHECK(counter.window.has_value() == algorithm->has_windows);
      CHECK(counter.fits_in_ms.has_value() != algorithm->has_windows);
      CHECK(!counter.shard);
      CHECK(bench.gate.stats().peeks == 4);
      check_books(bench.gate);
    }
  }
}

TEST_CASE("an explanation says what a look at the same moment does") {
  for (const Algorithm* algorithm : kAlgorithms) {
    for (const Mode mode : {Mode::Exact, Mode::Lease}) {
      for (const OnStoreDown policy : {OnStoreDown::Deny, OnStoreDown::Allow, OnStoreDown::Share}) {
        Bench bench;
        const auto use = made(10, mode, algorithm, policy);
        const auto compare = [&](std::int64_t cost) {
          const CheckResult seen = bench.gate.check({use, "k", Ask::look(cost), 1}, bench.now);
          bench.serve();
          const Decision look = seen.waits ? bench.answers().at(0).decision : seen.decision;
          const Decision told = explain(bench, use, cost)->answer.decision;
          CHECK((told.allowed == look.allowed && told.reason == look.reason));
          CHECK((told.limit == look.limit && told.remaining == look.remaining));
          CHECK((told.reset_after_ms == look.reset_after_ms && told.near == look.near));
          // To what nobody has counted some part is added, so that not all ask again at once.
          const bool is_drawn = look.reason == Reason::StoreAway;
          CHECK((is_drawn || told.retry_after_ms == look.retry_after_ms));
        };
        for (const std::int64_t taken : {0, 4, 5, 1}) {
          if (taken > 0) {
            bench.check(use, "k", taken);
            bench.serve();
            bench.answers();
          }
          for (const std::int64_t cost : {1, 2, 10, 11}) compare(cost);
          bench.now.us += 50'000;
          bench.measure();
        }
        bench.gate.store_away({0}, bench.now);
        compare(1);
      }
    }
  }
}

TEST_CASE("nothing is said to be known of a counter that nobody has told of") {
  Bench bench;
  const auto use = made(100, Mode::Lease);
  bench.gate.check_combined(question({{use, "k"}}), bench.now);
  bench.gate.store_away({0}, bench.now);  // before it has answered
  bench.gate.turn(bench.now);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  const Explanation& told = *answers.front().explanation;
  CHECK(told.answer.decision.reason == Reason::StoreAway);
  const ExplainedCounter& counter = told.limits.front().counters.front();
  CHECK((!counter.left && counter.store == StoreState::Away && counter.waiting == 0));
}

TEST_CASE("what is held is told by where it lies") {
  SegmentMemory memory(RG_SHM_MIN_SLOTS);
  SharedPools shared(memory.get(), RG_SHM_MIN_SLOTS, {});
  const auto use = std::make_shared<LimitUse>(made(100'000, Mode::Lease)->limit, 5);
  Bench bench;
  Gate gate(Gate::Options{}, &shared);
  const auto counter_of = [&] {
    const CheckResult result = gate.check_combined(question({{use, "k"}}), bench.now);
    REQUIRE(!result.waits);
    return gate.take_explanation()->limits.front().counters.front();
  };
  gate.measured({0}, bench.now, bench.now, bench.store_time());
  gate.store_up({0});
  const auto take_one = [&] {
    const CheckResult result = gate.check({use, "k", 1, 1}, bench.now);
    Reservation asked;
    while (result.waits && gate.compose({0}, {}, bench.now, asked)) {
      gate.answered(asked.id, bench.store.reserve(asked, bench.store_time()), bench.now);
    }
    gate.answers().clear();
  };
  for (int i = 0; i < 50; ++i) take_one();
  const ExplainedCounter alone = counter_of();
  CHECK((alone.kept == gate.counted() && alone.kept > 0 && alone.shown == 0 && !alone.has_slot));
  CHECK(*alone.held_last_end_ms == alone.window->end_ms);
  gate.share();
  take_one();
  const ExplainedCounter together = counter_of();
  CHECK((together.has_slot && together.shown > 0));
  CHECK(together.shown + together.kept == gate.counted());
  check_books(gate);
}

TEST_CASE("of several limits each is told of, and who decides") {
  Bench bench;
  const auto small = made(2, Mode::Exact);
  Limit longer = *made(50, Mode::Exact)->limit;
  longer.period_ms = 60'000;
  const auto large = std::make_shared<LimitUse>(std::make_shared<const Limit>(longer));
  const Members members{{large, "k"}, {small, "k"}};
  const Told before = explain(bench, members);
  CHECK((before->answer.decision.allowed && before->decides == 0));
  for (const ExplainedLimit& limit : before->limits) CHECK(limit.answer->decision.allowed);
  CHECK(bench.check(small, "k", 2).waits);
  bench.serve();
  CHECK(bench.allowed() == 1);
  const Told after = explain(bench, members);
  CHECK((!after->answer.decision.allowed && after->decides == 1));
  // It was known without the store, which nobody asked for the other one.
  CHECK(!after->limits[0].answer);
  CHECK(*after->limits[0].counters.front().left == 50);
  CHECK(after->limits[1].counters.front().state == WindowState::Exhausted);
}

TEST_CASE("an outage that is an error is explained, and the daemon's end is not") {
  Bench bench;
  const auto use = made(10, Mode::Exact, &kFixedWindow, OnStoreDown::Error);
  bench.gate.store_away({0}, bench.now);
  CHECK(explain(bench, use)->answer.verdict == Verdict::StoreDown);
  bench.up();
  REQUIRE(bench.gate.check_combined(question({{use, "k"}}), bench.now).waits);
  bench.gate.stop(bench.now);
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  CHECK((answers.front().verdict == Verdict::Stopping && answers.front().explanation == nullptr));
}

TEST_CASE("who waits is told, and who asks for it is not counted") {
  Bench bench;
  const auto use = made(10, Mode::Exact);
  for (int i = 0; i < 3; ++i) CHECK(bench.check(use).waits);
  // A second one, of which the first has the answer of the other: it is known to deny.
  const auto never = made(1, Mode::Exact);
  const Told told = explain(bench, Members{{use, "k"}, {never, "k", 2}});
  CHECK(told->answer.decision.reason == Reason::NeverFits);
  CHECK(told->limits.front().counters.front().waiting == 3);
  // One that is still in the line when another one is denied.
  bench.serve();
  bench.answers();
  CHECK(bench.check(use).waits);
  const CheckResult own = bench.gate.check_combined(question({{use, "k"}}), bench.now);
  CHECK(own.waits);
  bench.gate.abandon(own.waiter);
  CHECK(explain(bench, Members{{use, "k"}, {never, "k", 2}})
            ->limits.front()
            .counters.front()
            .waiting >= 1);
}

TEST_CASE("who waits for the same limits and keys in ACQUIRE is told") {
  Bench bench;
  const auto small = made(2, Mode::Exact);
  const auto large = made(50, Mode::Exact);
  const Members members{{small, "k"}, {large, "k"}};
  CHECK(bench.check(small, "k", 2).waits);
  bench.serve();
  CHECK(bench.allowed() == 1);
  std::vector<WaiterId> waiters;
  for (int i = 0; i < 3; ++i) {
    CombinedRequest request;
    request.members = members;
    request.ticket = static_cast<std::uint64_t>(i) + 1;
    request.patience = after(bench.now, 10'000'000);
    const CheckResult result = bench.gate.check_combined(std::move(request), bench.now);
    REQUIRE(result.waits);
    waiters.push_back(result.waiter);
  }
  CHECK(explain(bench, members)->acquiring == 3);
  CHECK(explain(bench, Members{{small, "k"}, {large, "other"}})->acquiring == 0);
  CHECK(explain(bench, small)->acquiring == 0);
  for (const WaiterId waiter : waiters) bench.gate.abandon(waiter);
  CHECK(explain(bench, members)->acquiring == 0);
}

TEST_CASE("nobody is told who has gone") {
  Bench bench;
  const auto use = made(10, Mode::Exact);
  const CheckResult asked = bench.gate.check_combined(question({{use, "k"}}), bench.now);
  bench.gate.abandon(asked.waiter);
  bench.serve();
  CHECK(bench.answers().empty());
  CHECK(bench.gate.stats().checks_abandoned == 0);
  CHECK(bench.gate.waiting() == 0);
}

}  // namespace rategate::test
