// The same of token buckets: to the slices that a host holds, and to the store.
#include "tests/unit/core/settling.hpp"

using namespace rategate;
using namespace rategate::test;

TEST_CASE("what comes back to a leased bucket goes into the slice that it is of") {
  Slices bench;
  const CheckResult one = bench.check(bench.use);
  REQUIRE_FALSE(one.waits);
  const std::int64_t ends_ms = one.decision.receipt;
  CHECK(ends_ms % bench.use->slices.slice_ms == 0);
  const std::int64_t held = bench.gate.counted();
  CHECK(bench.refund(ends_ms, 1) == 1);
  CHECK(bench.gate.counted() == held + 1);
  CHECK(bench.write() == 0);
  for (const std::int64_t other : {ends_ms - 1, ends_ms + 1, kHuge}) {
    CHECK(bench.refund(other, 1) == 0);
  }
  CHECK(bench.refund(ends_ms, 1, "another") == 0);
  // No more than was spent of the slice, which is far less than of the bucket.
  const std::int64_t rest = bench.refund(ends_ms, 1000);
  CHECK(rest < 100);
  CHECK(bench.refund(ends_ms, 1000) == 0);
  CHECK(bench.gate.counted() == held + 1 + rest);
  bench.go_to_latest(ends_ms * 1000 - 1);
  REQUIRE_FALSE(bench.check(bench.use).waits);
  CHECK(bench.refund(ends_ms, 1) == 1);
  bench.go_to_latest(ends_ms * 1000);
  CHECK(bench.refund(ends_ms, 1) == 0);
}

TEST_CASE("what is in hand of a bucket was not spent") {
  Slices bench;
  Slices same;
  const Decision before = bench.served(1);
  REQUIRE((before.allowed && same.served(1).allowed));
  REQUIRE(bench.check(bench.use, "k", before.remaining).waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  REQUIRE(asked.front().in_hand > 0);
  const std::int64_t receipt = asked.front().bucket->hand_ends_ms;
  CHECK(bench.refund(receipt, 1000) == same.refund(receipt, 1000));
  bench.gate.failed(asked.front().id, Failure::StoreRefuses, bench.now);
  CHECK(bench.gate.counted() == same.gate.counted());
  CHECK(bench.refund(receipt, 1000) == 0);
}

TEST_CASE("what the store gave for the moment of its answer does not come back to a host") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Settling bench(bucket_of({1000, mode}));
    const std::int64_t receipt = bench.take(500);
    CHECK(receipt == bench.store_time().us / 1000);
    CHECK(bench.refund(receipt, 500) == 0);
    CHECK(bench.gate.counted() == 0);
    CHECK(bench.write() == 0);
  }
}

TEST_CASE("not even where the moment, rounded, is the end of a slice") {
  Slices bench;
  const std::int64_t ends_ms = bench.take(1);
  bench.now.us = ends_ms * 1000 - 600 - kStart;
  bench.measure();
  const std::int64_t cost = 200;
  REQUIRE(bench.check(bench.use, "k", cost).waits);
  bench.serve();
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  REQUIRE(told.front().decision.allowed);
  CHECK(bench.refund(told.front().decision.receipt, cost) == 0);
}

TEST_CASE("what comes back to a bucket in the store is there for all hosts, whatever they knew") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Settling one(bucket_of({10, mode, Settle::Store, 10'000}));
    Settling other(bucket_of({10, mode, Settle::Store, 10'000}));
    const std::int64_t receipt = one.take(9);
    CHECK(other.served_by(one.store, 1).allowed);
    for (Settling* each : {&one, &other}) CHECK_FALSE(each->served_by(one.store, 1).allowed);
    CHECK_FALSE(one.check(one.use).waits);
    CHECK(one.refund(receipt, 5) == 5);
    CHECK(one.write() == 5);
    CHECK(one.served(2).allowed);  // at once
    for (Settling* each : {&one, &other}) each->pass(2'100'000);
    // Two have flown in since.
    CHECK(other.served_by(one.store, 5).allowed);
    CHECK_FALSE(other.served_by(one.store, 1).allowed);
    check_books(other.gate);
  }
}

TEST_CASE("no more comes back to a bucket than was spent lately, nor for longer than is said") {
  for (const std::int64_t later_us : {0, 4'990'000, 5'010'000}) {
    Settling bench(bucket_of({10, Mode::Exact, Settle::Store, 10'000}));
    const std::int64_t receipt = bench.take(7);
    bench.pass(later_us);
    const bool good = later_us < 5'000'000;
    // Nothing is leased for longer than to these moments.
    const std::int64_t now_ms = bench.store_time().us / 1000;
    for (const std::int64_t other : {std::int64_t{0}, now_ms + 2 * kLongestSliceMs + 2, kHuge}) {
      CHECK(bench.refund(other, 1) == 0);
    }
    CHECK(bench.refund(receipt, 1, "another") == 0);
    CHECK(bench.refund(receipt, 5) == (good ? 5 : 0));
    CHECK(bench.refund(receipt, 5) == (good ? 2 : 0));
    CHECK(bench.refund(receipt, 5) == 0);
  }
}

TEST_CASE("a bucket takes back as many as it lacks") {
  Settling bench(bucket_of({10, Mode::Exact, Settle::Store, 1000}));
  const std::int64_t receipt = bench.take(10);
  bench.pass(800'000);
  CHECK(bench.refund(receipt, 10) == 10);
  bench.write();
  CHECK(bench.served(10).allowed);
  CHECK_FALSE(bench.served(1).allowed);
}

TEST_CASE("a bucket pays its debt at its rate") {
  for (const Settle settle : {Settle::Host, Settle::Store}) {
    Settling bench(bucket_of({10, Mode::Exact, settle, 1000}));
    const std::int64_t receipt = bench.take(8);
    CHECK(bench.settle(8, 15, receipt) == -7);
    CHECK(bench.write() == -7);
    CHECK_FALSE(bench.served(1).allowed);
    bench.pass(590'000);
    CHECK_FALSE(bench.served(1).allowed);
    bench.pass(20'000);
    CHECK(bench.served(1).allowed);
    CHECK_FALSE(bench.served(1).allowed);
  }
}
