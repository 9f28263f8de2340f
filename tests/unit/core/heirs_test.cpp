// Who has taken slots of whom lately.
#include "daemon/core/heirs.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr StoreTime kUnknown{INT64_MAX};
}

TEST_CASE("heirs are those that have taken slots lately, and their heirs") {
  Heirs heirs;
  const ShardId a{0}, b{1}, c{2}, d{3};
  CHECK(heirs.of(a, Mono{0}, kUnknown).empty());
  heirs.add(a, b, Mono{0}, kUnknown);
  heirs.add(b, c, Mono{1}, kUnknown);
  heirs.add(c, a, Mono{2}, kUnknown);  // round and round
  heirs.add(d, a, Mono{3}, kUnknown);
  CHECK(heirs.of(a, Mono{4}, kUnknown) == std::vector{b, c});
  CHECK(heirs.of(d, Mono{4}, kUnknown) == std::vector{a, b, c});
  heirs.add(a, b, Mono{Heirs::kLatelyUs - 1}, kUnknown);
  CHECK(heirs.of(a, Mono{Heirs::kLatelyUs + 1}, kUnknown) == std::vector{b});
  CHECK(heirs.of(a, Mono{3 * Heirs::kLatelyUs}, kUnknown).empty());
}

TEST_CASE("a loss that came long after a slot had left does not concern it") {
  Heirs heirs;
  const ShardId a{0}, b{1}, c{2};
  const StoreTime moved{1'000'000'000};
  heirs.add(a, b, Mono{0}, moved);
  heirs.add(b, c, Mono{1}, moved);
  const StoreTime soon{moved.us + Heirs::kGreetedByUs}, late{soon.us + 1};
  CHECK(heirs.of(a, Mono{2}, soon) == std::vector{b, c});
  CHECK(heirs.of(a, Mono{2}, late).empty());
  CHECK(heirs.of(a, Mono{2}, kUnknown) == std::vector{b, c});
}
