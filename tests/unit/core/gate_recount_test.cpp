// What the gate tells of windows that the store has lost, and when it counts on in them.
#include "daemon/base/hash_slot.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

// This host knows that the counter of "k" holds seven, in an hour, which is in the first shard
// until `at` is changed.
struct SevenInFirst : TwoShardGate {
  SevenInFirst() : TwoShardGate([this](const LimitUse&, std::string_view) { return at; }) {
    CHECK(gate.check({use, "k"}, now).waits);
    answer({0}, 7, 1);
  }
  std::uint16_t slot() const { return slot_of_key(use->names.of("k", 0)); }
  // Its slot goes from one shard to another.
  void goes(ShardId from, ShardId to, Mono when) {
    at = to;
    gate.slot_moved(slot(), from, to, when, when);
    gate.slots_moved(when);
  }
  void measure(Mono when) {
    for (const ShardId shard : {ShardId{0}, ShardId{1}}) {
      gate.measured(shard, when, when, {kStart + when.us});
    }
  }

  ShardId at{0};
  const LimitUsePtr use = limit(10, 3'600'000);
};

}  // namespace

TEST_CASE("a long window that is lost is counted on when all have told what they know of it") {
  Bench bench;
  const auto use = limit(10, 3'600'000);
  for (int i = 0; i < 4; ++i) bench.check(use);
  const std::vector<Reservation> before = bench.asked();
  REQUIRE(before.size() == 1);
  CHECK_FALSE(before[0].names_base);
  bench.reply(before[0]);
  CHECK(bench.allowed() == 4);
  bench.gate.store_connecting({0}, bench.now);
  CHECK(bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, bench.now));
  bench.gate.store_up({0});
  std::vector<Recount> told;
  REQUIRE(bench.gate.compose_recounts({0}, 64, bench.now, told));
  REQUIRE(told.size() == 1);
  CHECK(told[0].known == 4);

  const auto settles = bench.check(use);
  CHECK(settles.decision.reason == Reason::StoreAway);
  CHECK(settles.decision.retry_after_ms <= 6000);
  CHECK(settles.decision.reset_after_ms > 60'000);
  bench.now = after(bench.now, LostWindows::kTellingUs + 10'000);
  bench.measure();
  // Not before the store knows of it.
  CHECK(bench.check(use).waits);
  CHECK(bench.asked().empty());
  // Another host knew of one more.
  ReserveAnswer answer;
  answer.counter = 5;
  bench.gate.recounted({0}, told, std::vector{answer}, bench.now);
  const std::vector<Reservation> since = bench.asked();
  REQUIRE(since.size() == 1);
  CHECK(since[0].names_base);
}

TEST_CASE("what went to another shard is told there, though nobody has asked for it since") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const Mono now = two.now;
  const LimitUsePtr use = two.use;
  two.at = {1};
  gate.slots_moved(now);
  CHECK(gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, now));
  std::vector<Recount> told;
  REQUIRE(gate.compose_recounts({1}, 64, now, told));
  CHECK(told.at(0).known == 7);
}

TEST_CASE("what was lost in a shard that a slot has left is told where the slot is") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const Mono now = two.now;
  const LimitUsePtr use = two.use;
  two.goes({0}, {1}, now);
  gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, now);
  CHECK(gate.check({use, "k"}, now).decision.reason == Reason::StoreAway);
  std::vector<Recount> told;
  CHECK_FALSE(gate.compose_recounts({0}, 64, now, told));
  REQUIRE(gate.compose_recounts({1}, 64, now, told));
  CHECK(told.at(0).known == 7);
  // The others of that shard have lost nothing.
  CHECK(gate.check({use, "another"}, now).waits);
}

TEST_CASE(
    "what comes to a shard that has lost its windows is told there, though nobody asks for it") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const Mono now = two.now;
  const LimitUsePtr use = two.use;
  // As a replica of the first, of which the slot is on its way, and so is listed there still.
  gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, now);
  std::vector<Recount> told;
  CHECK_FALSE(gate.compose_recounts({1}, 64, now, told));
  two.goes({0}, {1}, now);
  CHECK(gate.next_turn() <= now);
  gate.turn(now);
  REQUIRE(gate.compose_recounts({1}, 64, now, told));
  CHECK(told.at(0).known == 7);
}

TEST_CASE("what was to be told to a shard that is away is told where the slot has come") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const auto goes = [&](ShardId from, ShardId to) { two.goes(from, to, two.now); };
  gate.store_connecting({0}, two.now);
  gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  goes({0}, {1});
  gate.check({two.use, "k"}, two.now);
  std::vector<Recount> told;
  CHECK_FALSE(gate.compose_recounts({0}, 64, two.now, told));
  REQUIRE(gate.compose_recounts({1}, 64, two.now, told));
  CHECK(told.at(0).known == 7);
  goes({1}, {0});
  // Its call is under way: which of them have come there is not known.
  const bool is_followed = GENERATE(true, false);
  if (is_followed) gate.check({two.use, "k"}, two.now);
  gate.store_connecting({1}, two.now);
  if (!is_followed) gate.check({two.use, "k"}, two.now);
  told.clear();
  REQUIRE(gate.compose_recounts({0}, 64, two.now, told));
  CHECK(told.at(0).known == 7);
}

TEST_CASE("what one shard was told is told to the one that its slot goes to") {
  SevenInFirst two;
  Gate& gate = two.gate;
  gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  std::vector<Recount> told;
  REQUIRE(gate.compose_recounts({0}, 64, two.now, told));
  ReserveAnswer answer;
  answer.counter = 7;
  gate.recounted({0}, told, std::vector{answer}, two.now);
  told.clear();
  CHECK_FALSE(gate.compose_recounts({0}, 64, two.now, told));
  // Some of its keys may have been there, and lost, before the slot was.
  two.goes({0}, {1}, two.now);
  gate.turn(two.now);
  REQUIRE(gate.compose_recounts({1}, 64, two.now, told));
  CHECK(told.at(0).known == 7);
  gate.recounted({1}, told, std::vector{answer}, two.now);
  const Mono settled = after(two.now, 60'000'000);
  two.measure(settled);
  CHECK(gate.check({two.use, "k"}, settled).waits);
  Reservation request;
  CHECK(gate.compose({1}, {}, settled, request));
}

TEST_CASE("what a shard was told counts only where the counter still is") {
  SevenInFirst two;
  Gate& gate = two.gate;
  gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  std::vector<Recount> told;
  REQUIRE(gate.compose_recounts({0}, 64, two.now, told));
  two.goes({0}, {1}, two.now);
  gate.turn(two.now);
  // The answer of the old shard comes when it is elsewhere.
  ReserveAnswer answer;
  answer.counter = 7;
  gate.recounted({0}, told, std::vector{answer}, two.now);
  told.clear();
  REQUIRE(gate.compose_recounts({1}, 64, two.now, told));
  CHECK(told.at(0).known == 7);
}

TEST_CASE("who fails open names no base, which nobody may have made") {
  Bench bench;
  const auto use = limit(10, 3'600'000, OnStoreDown::Allow);
  bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, bench.now);
  bench.check(use);
  const std::vector<Reservation> asked = bench.asked();
  REQUIRE(asked.size() == 1);
  CHECK_FALSE(asked[0].names_base);
}

TEST_CASE("a slot that comes to a shard is waited for where that has lost something lately") {
  SevenInFirst two;
  Gate& gate = two.gate;
  gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  const Mono later = after(two.now, 20'000'000);
  two.measure(later);
  CHECK(gate.check({two.use, "k"}, later).waits);
  two.goes({0}, {1}, later);
  const CheckResult waits = gate.check({two.use, "k"}, later);
  CHECK(waits.decision.reason == Reason::StoreAway);
  CHECK(waits.decision.retry_after_ms >= 5000);
}

TEST_CASE("who is led to a shard that has lost something lately is not counted there") {
  SevenInFirst two;
  Gate& gate = two.gate;
  CHECK(gate.check({two.use, "k"}, two.now).waits);
  Reservation request;
  REQUIRE(gate.compose({0}, {}, two.now, request));
  const bool lost_before = GENERATE(true, false);
  if (lost_before) gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  CHECK(gate.asked_at(request, {1}, two.now) == !lost_before);
  if (!lost_before) {
    // What is under way ends with the connection, and the loss concerns the slot.
    gate.store_connecting({1}, two.now);
    gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
    gate.store_up({1});
  }
  CHECK(gate.check({two.use, "k"}, two.now).decision.reason == Reason::StoreAway);
  std::vector<Recount> told;
  REQUIRE(gate.compose_recounts({0}, 64, two.now, told));
  CHECK(told.at(0).known == 7);
}

TEST_CASE("what a slot that is in no shard has lost is told where it comes") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const ShardId nowhere{SharedPools::kClocks};
  two.goes({0}, nowhere, two.now);
  gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  two.goes(nowhere, {1}, two.now);
  gate.turn(two.now);
  std::vector<Recount> told;
  REQUIRE(gate.compose_recounts({1}, 64, two.now, told));
  CHECK(told.at(0).known == 7);
  CHECK(gate.check({two.use, "k"}, two.now).decision.reason == Reason::StoreAway);
}

TEST_CASE("what comes to a shard that was never connected to is told there when it is") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const ShardId fresh{2};
  gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  std::vector<Recount> told;
  REQUIRE(gate.compose_recounts({0}, 64, two.now, told));
  two.goes({0}, fresh, two.now);
  CHECK(gate.next_turn() <= two.now);
  if (GENERATE(true, false)) {
    gate.recount_later({0}, told, two.now);  // it was led there
  } else {
    ReserveAnswer answer;
    answer.counter = 7;
    gate.recounted({0}, told, std::vector{answer}, two.now);
    gate.turn(two.now);
  }
  gate.measured(fresh, two.now, two.now, two.time());
  gate.store_up(fresh);
  told.clear();
  REQUIRE(gate.compose_recounts(fresh, 64, two.now, told));
  CHECK(told.at(0).known == 7);
}

TEST_CASE(
    "a slot that a shard that is away has left is in doubt in one that was never connected to") {
  SevenInFirst two;
  Gate& gate = two.gate;
  const ShardId fresh{2};
  gate.store_connecting({0}, two.now);
  two.goes({0}, fresh, two.now);
  gate.measured(fresh, two.now, two.now, two.time());
  gate.store_up(fresh);
  CHECK(gate.check({two.use, "k"}, two.now).decision.reason == Reason::StoreAway);
}

TEST_CASE("many counters are looked at in parts, and all of them are told of") {
  SevenInFirst two;
  Gate& gate = two.gate;
  for (int i = 1; i < 5000; ++i) {
    gate.check({two.use, std::to_string(i)}, two.now);
    two.answer({0}, 7, 1);
  }
  gate.lose_windows({1}, {StoreTime{INT64_MAX}, 0, true, true}, two.now);
  two.at = {1};
  gate.slot_moved(two.slot(), {0}, {1}, two.now, two.now);
  int turns = 0;
  for (; gate.next_turn() <= two.now && turns < 5; ++turns) gate.turn(two.now);
  CHECK(turns == 2);
  std::size_t told = 0;
  std::vector<Recount> part;
  while (gate.compose_recounts({1}, 64, two.now, part)) {
    told += part.size();
    gate.recounted({1}, part, std::vector<ReserveAnswer>(part.size()), two.now);
    part.clear();
  }
  CHECK(told == 5000);
}

TEST_CASE("where a call that tells is refused, each counter is told of in its own") {
  Bench bench;
  const auto use = limit(10, 3'600'000);
  for (const char* key : {"a", "b"}) bench.check(use, key);
  bench.serve();
  bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, bench.now);
  std::vector<Recount> told;
  REQUIRE(bench.gate.compose_recounts({0}, 64, bench.now, told));
  CHECK(told.size() == 2);
  std::vector<Recount> more;
  CHECK_FALSE(bench.gate.compose_recounts({0}, 64, bench.now, more));
  CHECK(bench.gate.recounts_refused({0}, told, bench.now) == nullptr);
  for (int i = 0; i < 2; ++i) {
    told.clear();
    REQUIRE(bench.gate.compose_recounts({0}, 64, bench.now, told));
    CHECK(told.size() == 1);
    bench.gate.recounts_refused({0}, told, bench.now);
  }
  told.clear();
  CHECK_FALSE(bench.gate.compose_recounts({0}, 64, bench.now, told));

  bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, bench.now);
  REQUIRE(bench.gate.compose_recounts({0}, 64, bench.now, told));
  bench.gate.recount_again({0}, bench.now);
  CHECK_FALSE(bench.gate.compose_recounts({0}, 64, bench.now, told));
  bench.now = bench.gate.next_turn();
  bench.gate.turn(bench.now);
  told.clear();
  CHECK(bench.gate.compose_recounts({0}, 64, bench.now, told));
}

TEST_CASE(
    "counters of a limit that was dropped are forgotten, unless they may have to be told of") {
  for (const std::int64_t period_ms : {10'000, 86'400'000}) {
    Bench bench;
    const auto old = limit(5, period_ms);
    bench.check(old, "a");
    bench.serve();
    old->dropped = true;
    bench.gate.drop_limits(bench.now);
    const auto use = limit(6, period_ms);
    bench.check(use, "b");
    bench.serve();
    bench.check(use, "c");
    bench.serve();
    CHECK(bench.gate.counters() == (period_ms == 10'000 ? 2 : 3));

    bench.gate.lose_windows({0}, {StoreTime{INT64_MAX}, 0, true, true}, bench.now);
    std::vector<Recount> told;
    bench.gate.compose_recounts({0}, 64, bench.now, told);
    CHECK(told.size() == bench.gate.counters());
  }
}
