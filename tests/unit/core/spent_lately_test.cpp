#include "daemon/core/spent_lately.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr std::int64_t kSpanUs = 1'000'000;
}  // namespace

TEST_CASE("what was spent may be taken back once") {
  SpentLately spent;
  const Mono now{0};
  CHECK(spent.take_back(5, now, kSpanUs) == 0);
  spent.spent(7, now, kSpanUs);
  spent.spent(3, now, kSpanUs);
  CHECK(spent.take_back(6, now, kSpanUs) == 6);
  CHECK(spent.take_back(6, now, kSpanUs) == 4);
  CHECK(spent.take_back(6, now, kSpanUs) == 0);
}

TEST_CASE("for one to two spans") {
  for (const std::int64_t later_us : {kSpanUs - 1, kSpanUs, 2 * kSpanUs - 1, 2 * kSpanUs}) {
    SpentLately spent;
    const Mono began{123'456};
    spent.spent(7, began, kSpanUs);
    CHECK(spent.take_back(9, Mono{began.us + later_us}, kSpanUs) ==
          (later_us < 2 * kSpanUs ? 7 : 0));
  }
  SpentLately spent;
  spent.spent(1, Mono{0}, kSpanUs);
  spent.spent(7, Mono{kSpanUs - 1}, kSpanUs);
  // They are as old as one span and a bit, and began in one that is two spans ago.
  CHECK(spent.take_back(9, Mono{2 * kSpanUs}, kSpanUs) == 0);
}

TEST_CASE("what was spent in this span goes before what was spent in the last") {
  SpentLately spent;
  spent.spent(7, Mono{0}, kSpanUs);
  spent.spent(2, Mono{kSpanUs}, kSpanUs);
  CHECK(spent.take_back(4, Mono{kSpanUs}, kSpanUs) == 4);
  // Five of the first are left, and are over a span later.
  CHECK(spent.take_back(9, Mono{2 * kSpanUs}, kSpanUs) == 0);
}

TEST_CASE("a host that has run for long, or spends without end, is no matter") {
  SpentLately spent;
  const Mono late{std::int64_t{1} << 61};
  for (int i = 0; i < 10; ++i) spent.spent(std::int64_t{1} << 58, late, kSpanUs);
  CHECK(spent.take_back(INT64_MAX, late, kSpanUs) == std::int64_t{1} << 60);
}
