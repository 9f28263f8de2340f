// Limits that are spread over several counters: in which of them a check is counted.
#include "daemon/limit/spread.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

LimitUsePtr spread_limit(LimitTable& table, std::int64_t permits, std::int64_t spread,
                         Mode mode = Mode::Exact) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.declared = false;
  limit.spread = spread;
  limit.mode = mode;
  table.configure({limit}, 0);
  return table.configured("api");
}

struct Spread {
  explicit Spread(std::int64_t permits, std::int64_t spread, Mode mode = Mode::Exact)
      : use(spread_limit(table, permits, spread, mode)) {}

  // Until nothing is asked any more.
  std::int64_t serve() {
    std::int64_t allowed = 0;
    for (auto all = bench.asked(); !all.empty(); all = bench.asked()) {
      for (const Reservation& request : all) bench.reply(request);
      for (const Answer& answer : bench.answers()) {
        ++answered;
        allowed += answer.decision.allowed ? 1 : 0;
        last = answer.decision;
      }
    }
    return allowed;
  }
  void elsewhere(std::int64_t sub, std::int64_t permits) {
    const Limit& limit = *use->subs[static_cast<std::size_t>(sub)]->limit;
    Reservation request;
    request.counter =
        CounterNames(limit.redis_key, limit.name, 1000, limit.sub).of("k", kStart / 1000);
    request.window = {kStart / 1000, kStart / 1000 + 1000};
    request.limit = limit.permits;
    request.ahead_ms = 1000;
    request.expire_at_ms = kStart / 1000 + 5000;
    request.costs = {{1, permits}};
    bench.store.reserve(request, bench.store_time());
  }

  Bench bench;
  LimitTable table{1};
  LimitUsePtr use;
  std::int64_t answered = 0;
  Decision last;
};

}  // namespace

TEST_CASE("all of a limit that is spread is given out, and no more") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Spread spread(100, 3, mode);
    std::int64_t allowed = 0;
    for (int i = 0; i < 150; ++i) {
      const CheckResult result = spread.bench.check(spread.use);
      if (!result.waits) allowed += result.decision.allowed ? 1 : 0;
      allowed += spread.serve();
    }
    CHECK(allowed == 100);
    const CheckResult denied = spread.bench.check(spread.use);
    CHECK(denied.decision.reason == Reason::OverLimit);
    CHECK(denied.decision.limit == 100);
    CHECK(denied.decision.remaining == 0);
    CHECK(spread.bench.repeat(spread.use, 1, denied.decision, 5) == 5);
    CHECK(spread.use->in_all(&LimitTally::allowed) == 100);
    CHECK(spread.use->in_all(&LimitTally::denied) == 56);
  }
}

TEST_CASE("who waits while a counter is used up by others goes on to the next, in time") {
  Spread spread(9, 3);
  for (int i = 0; i < 9; ++i) CHECK(spread.bench.check(spread.use).waits);
  spread.elsewhere(0, 3);
  spread.elsewhere(1, 2);
  CHECK(spread.serve() == 4);
  CHECK(spread.answered == 9);
  CHECK(spread.last.remaining == 0);
}

TEST_CASE("what is left of a limit is told with what the next counters have") {
  Spread spread(9, 3);
  spread.bench.check(spread.use);
  CHECK(spread.serve() == 1);
  CHECK(spread.last.limit == 9);
  CHECK(spread.last.remaining == 8);
}

TEST_CASE("who is denied is told of nothing that is left") {
  Spread spread(9, 3, Mode::Lease);
  for (std::int64_t sub = 0; sub < 3; ++sub) spread.elsewhere(sub, 3);
  CHECK(spread.bench.check(spread.use).waits);
  CHECK(spread.serve() == 0);
  CHECK(spread.last.reason == Reason::OverLimit);
  CHECK(spread.last.remaining == 0);
}

TEST_CASE("a cost has to fit into one of the counters") {
  Spread spread(8, 3);
  CHECK(spread.bench.check(spread.use, "k", 3).decision.reason == Reason::NeverFits);
  CHECK(spread.bench.check(spread.use, "k", 2).waits);
  CHECK(spread.serve() == 1);
  spread.elsewhere(0, 1);
  for (int i = 0; i < 2; ++i) spread.bench.check(spread.use, "k", 2);
  CHECK(spread.serve() == 2);
  // One is left in the second, which does not pay two.
  CHECK(spread.bench.check(spread.use, "k", 2).decision.reason == Reason::OverLimit);
  CHECK(spread.bench.check(spread.use, "k").waits);
  CHECK(spread.serve() == 1);
}

TEST_CASE("a check that goes on when a window ends may begin anew in the next") {
  Spread spread(2, 2);
  spread.bench.now = Mono{950'000};
  spread.bench.measure();
  spread.elsewhere(0, 1);
  spread.elsewhere(1, 1);
  CHECK(spread.bench.check(spread.use).waits);
  for (const Reservation& request : spread.bench.asked()) {
    spread.bench.reply_at(Mono{1'010'000}, request);
  }
  CHECK(spread.serve() == 1);
}

TEST_CASE("while the shard of a counter is away the others are asked, and then the policy") {
  TwoShardGate two([](const LimitUse& use, std::string_view) {
    return ShardId{static_cast<std::uint16_t>(use.sub % 2)};
  });
  Gate& gate = two.gate;
  LimitTable table(1);
  const LimitUsePtr use = spread_limit(table, 4, 2);
  gate.store_away({0}, two.now);
  CHECK(gate.check({use, "k"}, two.now).waits);
  two.answer({1}, 2, 0);
  REQUIRE(gate.answers().size() == 1);
  CHECK(gate.answers()[0].decision.reason == Reason::StoreAway);
  CHECK(gate.check({use, "k"}, two.now).decision.reason == Reason::StoreAway);
}

namespace {

// A check was asked for in the first shard, which does not answer; the second one serves it.
void leaves_first_shard(TwoShardGate& two, const LimitUsePtr& use) {
  Gate& gate = two.gate;
  CHECK(gate.check({use, "k"}, two.now).waits);
  Reservation lost;
  REQUIRE(gate.compose({0}, {}, two.now, lost));
  gate.store_connecting({0}, two.now);
  two.answer({1}, 1, 1);
  REQUIRE(gate.answers().size() == 1);
  CHECK(gate.answers()[0].decision.reason == Reason::Counted);
}

}  // namespace

TEST_CASE("who waits for a shard that does not answer is served by another in time") {
  TwoShardGate two([](const LimitUse& use, std::string_view) {
    return ShardId{static_cast<std::uint16_t>(use.sub % 2)};
  });
  Gate& gate = two.gate;
  LimitTable table(1);
  const LimitUsePtr use = spread_limit(table, 4, 2);
  leaves_first_shard(two, use);
  gate.answers().clear();

  // Where the other is not there either, it waits for who comes back first.
  gate.store_connecting({1}, two.now);
  CHECK(gate.check({use, "k"}, two.now).waits);
  gate.store_connecting({0}, two.now);
  CHECK(gate.answers().empty());
  gate.store_away({0}, two.now);
  gate.store_away({1}, two.now);
  REQUIRE(gate.answers().size() == 1);
  CHECK(gate.answers()[0].decision.reason == Reason::StoreAway);
}

TEST_CASE("who leaves a shard that does not answer passes over others that do not answer either") {
  TwoShardGate two([](const LimitUse& use, std::string_view) {
    return ShardId{static_cast<std::uint16_t>(use.sub / 2)};  // 0, 0, 1
  });
  LimitTable table(1);
  const LimitUsePtr use = spread_limit(table, 6, 3);
  leaves_first_shard(two, use);
}
