#include "daemon/store/model/memory_counters.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "daemon/limit/fixed_window.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
Reservation reservation(std::int64_t limit, CostRuns costs) {
  Reservation result;
  result.counter.assign(1, 'c');
  result.window = {1000, 2000};
  result.limit = limit;
  result.ahead_ms = 100;
  result.expire_at_ms = 3000;
  result.costs = std::move(costs);
  return result;
}
StoreTime at_ms(std::int64_t ms) { return {ms * 1000}; }
}  // namespace

TEST_CASE("costs that do not fit take nothing, and smaller ones pass them") {
  MemoryCounters counters;
  CHECK(counters.reserve(reservation(10, {{1, 7}}), at_ms(1000)).granted ==
        std::vector<std::int64_t>{7});
  const auto answer = counters.reserve(reservation(10, {{5, 1}, {1, 2}, {2, 1}}), at_ms(1000));
  CHECK(answer.granted == std::vector<std::int64_t>{0, 2, 0});
  CHECK(answer.counter == 9);
  // A lower limit on the same counter gets nothing, and gives nothing back.
  CHECK(counters.reserve(reservation(5, {{1, 1}}), at_ms(1000)).granted[0] == 0);
  CHECK(counters.reserve(reservation(10, {{1, 9}}), at_ms(1000)).granted[0] == 1);
}

TEST_CASE("windows that are over or too far ahead are refused") {
  MemoryCounters counters;
  const auto status = [&](std::int64_t ms) {
    return counters.reserve(reservation(10, {{1, 1}}), at_ms(ms)).status;
  };
  CHECK(status(2000) == ReserveAnswer::Status::WindowOver);
  CHECK(status(899) == ReserveAnswer::Status::TooFarAhead);
  CHECK(status(900) == ReserveAnswer::Status::Looked);
  CHECK(status(1999) == ReserveAnswer::Status::Looked);
}

TEST_CASE("expired counters are forgotten") {
  MemoryCounters counters;
  for (int i = 0; i < 100'000; ++i) {
    Reservation request = reservation(10, {{1, 1}});
    request.counter = std::to_string(i);
    const std::int64_t now = i / 100;
    request.window = {now, now + 10};
    request.expire_at_ms = now + 20;
    CHECK(counters.reserve(request, at_ms(now)).granted[0] == 1);
  }
  CHECK(counters.size() < 8000);
}

TEST_CASE("a counter grows by what is granted, and by nothing else") {
  MemoryCounters counters;
  std::minstd_rand random(1);
  const auto up_to = [&](std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(1, most)(random);
  };
  std::int64_t value = 0;
  for (int i = 0; i < 20'000; ++i) {
    // The limit of one host may be another than that of the next.
    Reservation request = reservation(std::int64_t{10} << up_to(11), {});
    for (std::int64_t runs = up_to(4); runs > 1; --runs) {
      request.costs.push_back({up_to(9), up_to(5)});
    }
    request.lease = up_to(20) - 1;
    request.in_hand = up_to(20) - 1;
    const Grant expected =
        grant_in_window({value, request.limit, request.lease, request.in_hand}, request.costs);
    const ReserveAnswer answer = counters.reserve(request, at_ms(1000));
    value += expected.total;
    REQUIRE(answer.granted == expected.granted);
    REQUIRE(answer.leased == expected.leased);
    REQUIRE(answer.counter == value);
    const std::int64_t permits = up_to(200);
    const std::int64_t taken = counters.release({request.counter, permits}, at_ms(1000));
    REQUIRE(taken == (permits <= value ? permits : 0));
    value -= taken;
  }
}

TEST_CASE("a counter lives through its last millisecond, and then starts anew") {
  MemoryCounters counters;
  Reservation request = reservation(10, {{1, 4}});
  request.window = {0, 10'000};
  CHECK(counters.reserve(request, at_ms(1000)).counter == 4);
  CHECK(counters.reserve(request, at_ms(3000)).counter == 8);
  CHECK(counters.release({request.counter, 1}, at_ms(3001)) == 0);
  CHECK(counters.reserve(request, at_ms(3001)).counter == 4);
}

namespace {

// A counter of its own, that lives through `expire_at_ms`.
Reservation named(const std::string& name, std::int64_t now_ms, std::int64_t expire_at_ms) {
  Reservation request = reservation(10, {{1, 1}});
  request.counter = name;
  request.window = {now_ms, now_ms + 10};
  request.expire_at_ms = expire_at_ms;
  return request;
}

}  // namespace

TEST_CASE("where there is no room for a counter it is refused, and the others count on") {
  MemoryCounters counters({}, {.counters = 1000, .name_bytes = 1 << 20});
  const auto ask = [&](int n, std::int64_t now) {
    return counters.reserve(named(std::to_string(n), now, 100), at_ms(now));
  };
  for (int i = 0; i < 1000; ++i) REQUIRE(ask(i, 1).granted[0] == 1);
  for (int i = 1000; i < 3000; ++i) {
    const ReserveAnswer answer = ask(i, 1);
    REQUIRE(answer.status == ReserveAnswer::Status::Refused);
    REQUIRE(answer.granted.empty());
    REQUIRE_FALSE(answer.error.empty());
  }
  for (int i = 0; i < 1000; ++i) REQUIRE(ask(i, 100).counter == 2);
  CHECK(counters.size() == 1000);
  // All have expired: there is room at once, and for as many as before.
  for (int i = 3000; i < 4000; ++i) {
    REQUIRE(counters.reserve(named(std::to_string(i), 101, 200), at_ms(101)).granted[0] == 1);
  }
  CHECK(counters.size() <= 1000);
}

TEST_CASE("a bucket to which permits came back is kept as long as before") {
  MemoryCounters counters;
  Reservation request = reservation(0, {});
  request.window = kBucketWindow;
  request.bucket = BucketAsked{};
  request.bucket->rate = {1, 1'000'000};
  request.bucket->burst = 10;
  const auto ask = [&](std::int64_t ms, std::int64_t back, CostRuns costs) {
    request.bucket->back = back;
    request.costs = std::move(costs);
    return std::get<TokenBucket>(counters.reserve(request, at_ms(ms)).bucket);
  };
  CHECK(ask(1000, 0, {{10, 1}}).taken == 10);
  // Full at 3 s now, and not at 11 s, but who was told of that is not to take it for lost.
  CHECK(ask(1000, 8, {}) == TokenBucket{1'000'000, 2, {1, 1'000'000}, 8});
  CHECK(ask(12'000, 0, {}).settled == 8);
  CHECK(ask(12'001, 0, {}).settled == 0);
  // What is charged without a test makes a bucket, and nothing that comes back does.
  CHECK(ask(12'001, 5, {}) == TokenBucket{12'001'000, 0, {1, 1'000'000}});
  CHECK(ask(12'001, -12, {}).taken == 12);
  CHECK(ask(12'001, 0, {{0, 1}}).taken == 12);
}

TEST_CASE("long names are bounded by their bytes") {
  MemoryCounters counters({}, {.counters = 1000, .name_bytes = 1000});
  const auto status = [&](char c, std::size_t size) {
    return counters.reserve(named(std::string(size, c), 1, 100), at_ms(1)).status;
  };
  CHECK(status('a', 600) == ReserveAnswer::Status::Looked);
  CHECK(status('b', 401) == ReserveAnswer::Status::Refused);
  CHECK(status('c', 400) == ReserveAnswer::Status::Looked);
  CHECK(status('d', 1) == ReserveAnswer::Status::Refused);
}

TEST_CASE("one call forgets only so many") {
  MemoryCounters counters({}, {.counters = 10'000, .name_bytes = 1 << 20});
  for (int i = 0; i < 10'000; ++i) {
    (void)counters.reserve(named(std::to_string(i), 1, 50), at_ms(1));
  }
  std::size_t before = counters.size();
  CHECK(before == 10'000);
  for (int i = 0; i < 5000; ++i) {
    (void)counters.reserve(named("n" + std::to_string(i), 51, 1000), at_ms(51));
    REQUIRE(counters.size() + MemoryCounters::kMostLooks >= before);
    before = counters.size();
  }
  CHECK(before == 5000);  // all that had expired are forgotten
}

TEST_CASE("a counter that has not expired is never forgotten, however many come and go") {
  MemoryCounters counters({}, {.counters = 2000, .name_bytes = 1 << 20});
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> known;  // value, expiry
  std::minstd_rand random(3);
  const auto up_to = [&](std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(1, most)(random);
  };
  int refused = 0;
  for (std::int64_t i = 0; i < 200'000; ++i) {
    const std::int64_t now = i / 20;
    const Reservation request =
        named(std::to_string(up_to(8000)), now, now + 10 + up_to(up_to(3) == 1 ? 2000 : 20));
    auto& [value, expiry] = known[request.counter];
    if (expiry < now) value = 0;
    const ReserveAnswer answer = counters.reserve(request, at_ms(now));
    REQUIRE(counters.size() <= 2000);
    if (answer.status == ReserveAnswer::Status::Refused) {
      REQUIRE(value == 0);  // only what is not there
      ++refused;
      continue;
    }
    value += answer.granted[0];
    expiry = std::max(expiry, request.expire_at_ms);
    REQUIRE(answer.counter == value);
  }
  CHECK(refused > 0);
}

TEST_CASE("a counter that is cleared holds nothing, and gives nothing back of before") {
  MemoryCounters counters;
  (void)counters.reserve(named("a", 1, 100), at_ms(1));
  (void)counters.reserve(named("a", 1, 100), at_ms(1));
  Clear clear;
  clear.counter = "a";
  clear.window = {0, 90};
  clear.expire_at_ms = 100;
  CHECK(counters.clear(clear, at_ms(2)).number == 0);
  clear.mark = 5;
  CHECK(counters.clear(clear, at_ms(90)).status == ClearAnswer::Status::WindowOver);
  const ClearAnswer done = counters.clear(clear, at_ms(2));
  CHECK((done.status == ClearAnswer::Status::Done && done.number == 2));
  CHECK(counters.clear(clear, at_ms(2)).number == 0);
  (void)counters.reserve(named("a", 1, 100), at_ms(3));
  const Release back{"a", 1};
  CHECK(counters.release(back, at_ms(3)) == 0);
  clear.mark = 0;
  CHECK(counters.clear(clear, at_ms(3)).number == 5);
  // It goes with its counter.
  clear.mark = 6;
  CHECK(counters.clear(clear, at_ms(101)).status == ClearAnswer::Status::WindowOver);
  clear.window.end_ms = 1000;
  CHECK(counters.clear(clear, at_ms(101)).status == ClearAnswer::Status::NotThere);
  for (int i = 0; i < 8; ++i)
    (void)counters.reserve(named(std::to_string(i), 101, 1000), at_ms(101));
  (void)counters.reserve(named("a", 101, 1000), at_ms(101));
  CHECK(counters.release(back, at_ms(101)) == 1);
}
