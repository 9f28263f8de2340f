// Leased buckets whose slot goes to another shard, or is on its way there.
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

// A bucket of 1000 into which 1000 flow in each second, in one of two shards.
struct Leased : TwoShardGate {
  ShardId where{0};
  LimitUsePtr use;
  MemoryCounters store;

  Leased() : TwoShardGate([this](const LimitUse&, std::string_view) { return where; }) {
    Limit limit = declared_limit("api", {1000, 1000}, true);
    limit.algorithm = &kTokenBucket;
    limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
    use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  }
  Reservation asked(int checks, std::int64_t cost) {
    for (int i = 0; i < checks; ++i) REQUIRE(gate.check({use, "k", cost}, now).waits);
    Reservation request;
    REQUIRE(gate.compose({0}, {}, now, request));
    return request;
  }
  void answer(const Reservation& request) {
    gate.answered(request.id, store.reserve(request, time()), now);
  }
};

}  // namespace

TEST_CASE("a lease that another shard has granted ends by a clock that is not this one's") {
  Leased two;
  const Reservation request = two.asked(400, 1);
  REQUIRE(request.lease > 0);
  CHECK(two.gate.asked_at(request, {1}, two.now));
  two.answer(request);
  CHECK(std::exchange(two.gate.answers(), {}).size() == 400);
  CHECK(two.gate.counted() == 0);
}

TEST_CASE("what is in hand is put towards nothing in another shard") {
  Leased two;
  two.answer(two.asked(400, 1));
  REQUIRE(two.gate.counted() > 0);
  two.gate.answers().clear();
  const Reservation request = two.asked(1, 590);
  REQUIRE(request.in_hand > 0);
  CHECK_FALSE(two.gate.asked_at(request, {1}, two.now));
  CHECK(two.gate.counted() == 0);
  // Without it there is too little.
  const auto answers = std::exchange(two.gate.answers(), {});
  REQUIRE(answers.size() == 1);
  CHECK_FALSE(answers[0].decision.allowed);
}

TEST_CASE("a lease that came too late is one that was lost") {
  Bench bench;
  const auto use = Leased().use;
  for (int i = 0; i < 400; ++i) REQUIRE(bench.check(use).waits);
  auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  REQUIRE(asked[0].lease > 4);
  bench.reply_at(after(bench.now, 90'000), asked[0]);
  CHECK(bench.allowed() == 400);
  for (int i = 0; i < 400; ++i) bench.check(use);
  asked = bench.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].lease == 0);
}

TEST_CASE("a lease is dropped where its counter has moved to another shard meanwhile") {
  for (const bool moves : {false, true}) {
    Leased two;
    const Reservation request = two.asked(400, 1);
    const ReserveAnswer answer = two.store.reserve(request, two.time());
    REQUIRE(answer.leased > 0);
    if (moves) two.where = {1};
    two.gate.slots_moved(two.now);
    two.gate.answered(request.id, answer, two.now);
    CHECK(two.gate.answers().size() == 400);
    CHECK(two.gate.books().totals().spent == 400);
    CHECK(two.gate.counted() == (moves ? 0 : answer.leased));
    check_books(two.gate);
  }
}

TEST_CASE("what is held of a bucket is given up where its counter moves to another shard") {
  Leased two;
  two.answer(two.asked(400, 1));
  REQUIRE(two.gate.counted() > 0);
  two.where = {1};
  CHECK(two.gate.check({two.use, "k"}, two.now).waits);
  CHECK(two.gate.counted() == 0);
  check_books(two.gate);
}

TEST_CASE("what is in hand does not go along to another shard, whose clock is another one") {
  Leased two;
  two.answer(two.asked(400, 1));
  const std::int64_t held = two.gate.counted();
  REQUIRE(held > 0);
  const Reservation request = two.asked(1, 590);
  REQUIRE(request.in_hand == held);
  two.where = {1};
  two.gate.slots_moved(two.now);
  SECTION("where it was refused") {
    ReserveAnswer answer;
    answer.time = two.time();
    answer.granted = {0};
    answer.bucket = TokenBucket{two.time().us, 1000, {1, 1000}};
    two.gate.answered(request.id, answer, two.now);
  }
  SECTION("where the call has failed") {
    two.gate.failed(request.id, Failure::StoreRefuses, two.now);
  }
  CHECK(two.gate.counted() == 0);
  check_books(two.gate);
}
