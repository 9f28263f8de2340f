#include "daemon/store/model/memory_counters.hpp"

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
