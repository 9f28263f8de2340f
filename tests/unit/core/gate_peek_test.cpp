// Who only looks: what he is told, and that nothing is taken, made, shown or counted for him.
#include "tests/unit/core/gate_bench.hpp"

namespace rategate::test {
namespace {

CheckResult look(Bench& bench, const LimitUsePtr& use, std::int64_t cost = 1) {
  return bench.gate.check({use, "k", Ask::look(cost), ++bench.tickets}, bench.now);
}

// What is told of such a look, whether the store has to be asked or not.
Decision seen(Bench& bench, const LimitUsePtr& use, std::int64_t cost = 1) {
  const CheckResult result = look(bench, use, cost);
  if (!result.waits) return result.decision;
  bench.serve();
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  return answers.front().decision;
}

LimitUsePtr of_mode(Mode mode, std::int64_t permits) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.mode = mode;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

LimitUsePtr bucket_of(std::int64_t permits) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.algorithm = &kTokenBucket;
  limit.redis_key = *KeyTemplate::parse("rategate:{%n:%k}:gcra");
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

}  // namespace

TEST_CASE("a look tells what a check would find, and takes nothing") {
  for (const auto& use : {of_mode(Mode::Exact, 10), of_mode(Mode::Lease, 10), bucket_of(10)}) {
    Bench bench;
    for (int i = 0; i < 3; ++i) {
      const Decision all = seen(bench, use, 10);
      CHECK((all.allowed && all.remaining == 10 && all.retry_after_ms == 0));
    }
    CHECK(bench.gate.books().totals().reserved == 0);
    const CheckResult check = bench.check(use, "k", 4);
    REQUIRE(check.waits);
    bench.serve();
    CHECK(bench.allowed() == 1);
    const Decision some = seen(bench, use, 6);
    CHECK((some.allowed && some.remaining == 6));
    const Decision more = seen(bench, use, 7);
    CHECK((!more.allowed && more.reason == Reason::OverLimit));
    // A bucket's is reckoned here, by the earliest time that it may be.
    CHECK((more.remaining == 6 || (!use->limit->algorithm->has_windows && more.remaining == 5)));
    CHECK(more.retry_after_ms > 0);
    CHECK(seen(bench, use, 11).reason == Reason::NeverFits);
    check_books(bench.gate);
  }
}

TEST_CASE("looks are no checks") {
  Bench bench;
  const auto use = of_mode(Mode::Lease, 2);
  CHECK(seen(bench, use).by == DecidedBy::Store);
  CHECK(bench.check(use, "k", 2).waits);
  bench.serve();
  bench.answers();
  for (int i = 0; i < 3; ++i) CHECK(seen(bench, use).by == DecidedBy::Host);
  CHECK(seen(bench, use, 3).reason == Reason::NeverFits);
  const GateStats& stats = bench.gate.stats();
  CHECK((stats.checks == 1 && stats.peeks == 5));
  CHECK((stats.allowed == 1 && stats.denied == 0 && stats.never_fits == 0));
  CHECK((use->tally->allowed == 1 && use->tally->denied == 0));
  // One that goes before its answer is none that was abandoned.
  bench.gate.abandon(look(bench, of_mode(Mode::Exact, 1)).waiter);
  CHECK(stats.checks_abandoned == 0);
}

TEST_CASE("nothing is reserved for who only looks, nor because of it") {
  Bench bench;
  const auto use = of_mode(Mode::Lease, 1'000'000);
  CHECK(look(bench, use, 500).waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  CHECK((asked.front().lease == 0 && asked.front().in_hand == 0));
  CHECK((asked.front().costs.size() == 1 && asked.front().costs.front().cost == 0));
  bench.reply(asked.front());
  CHECK(bench.answers().front().decision.allowed);
  CHECK(bench.gate.counted() == 0);
  CHECK(bench.asked().empty());
  // Not in shared memory either, nor is a share taken.
  CHECK(bench.gate.check({use, "other", Ask::look(1), 9}, bench.now).waits);
}

TEST_CASE("who looks beside those who take is told of what is left by then, in their order") {
  for (const auto& use : {of_mode(Mode::Exact, 10), bucket_of(10)}) {
    Bench bench;
    CHECK(bench.check(use, "k", 6).waits);
    CHECK(look(bench, use, 5).waits);
    CHECK(look(bench, use, 4).waits);
    CHECK(bench.check(use, "k", 4).waits);
    CHECK(look(bench, use, 1).waits);
    bench.serve();
    const auto answers = bench.answers();
    REQUIRE(answers.size() == 5);
    std::vector<bool> allowed;
    for (const Answer& answer : answers) allowed.push_back(answer.decision.allowed);
    CHECK(allowed == std::vector<bool>{true, false, true, true, false});
    CHECK(bench.gate.books().totals().spent == 10);
    check_books(bench.gate);
  }
}

TEST_CASE("what the host holds is seen, and stays there") {
  Bench bench;
  const auto use = of_mode(Mode::Lease, 1000);
  for (int i = 0; i < 40; ++i) bench.check(use);
  bench.serve();
  bench.answers();
  const std::int64_t held = bench.gate.counted();
  REQUIRE(held > 0);
  const CheckResult here = look(bench, use, held);
  CHECK((!here.waits && here.decision.allowed && here.decision.by == DecidedBy::Host));
  // More than that the counter has to be asked for; both together count.
  const CheckResult both = look(bench, use, 1000 - 40);
  REQUIRE(both.waits);
  bench.serve();
  CHECK(bench.answers().front().decision.allowed);
  CHECK(bench.gate.counted() == held);
  check_books(bench.gate);
}

TEST_CASE("while the store is away a look is answered by policy, and takes no share") {
  Limit limit = declared_limit("api", {10, 1000}, true);
  limit.on_store_down = OnStoreDown::Share;
  limit.share = {1, 2};
  const auto use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  Bench bench;
  bench.gate.store_away({0}, bench.now);
  for (int i = 0; i < 3; ++i) {
    const CheckResult five = look(bench, use, 5);
    REQUIRE_FALSE(five.waits);
    CHECK((five.decision.allowed && five.decision.by == DecidedBy::Policy));
    CHECK_FALSE(look(bench, use, 6).decision.allowed);
  }
  CHECK(bench.check(use, "k", 5).decision.allowed);
  CHECK_FALSE(look(bench, use, 1).decision.allowed);
  CHECK(bench.gate.stats().store_down_allowed == 1);
}

}  // namespace rategate::test
