// Who has taken slots of whom lately.
#include "daemon/core/heirs.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("heirs are those that have taken slots lately, and their heirs") {
  Heirs heirs;
  const ShardId a{0}, b{1}, c{2}, d{3};
  CHECK(heirs.of(a, Mono{0}).empty());
  heirs.add(a, b, Mono{0});
  heirs.add(b, c, Mono{1});
  heirs.add(c, a, Mono{2});  // round and round
  heirs.add(d, a, Mono{3});
  CHECK(heirs.of(a, Mono{4}) == std::vector{b, c});
  CHECK(heirs.of(d, Mono{4}) == std::vector{a, b, c});
  heirs.add(a, b, Mono{Heirs::kLatelyUs - 1});
  CHECK(heirs.of(a, Mono{Heirs::kLatelyUs + 1}) == std::vector{b});
  CHECK(heirs.of(a, Mono{3 * Heirs::kLatelyUs}).empty());
}
