// What is remembered of single counters that were lost, and at what price for checks of other
// windows.
#include "daemon/core/lost_counters.hpp"

#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr Window kFirst{1000, 2000}, kSecond{2000, 3000}, kThird{3000, 4000};

}  // namespace

TEST_CASE("no name is looked for in a window that began when all that were lost were over") {
  LostCounters lost;
  CHECK(lost.lose("a", kFirst, 0));
  CHECK(lost.may_have_one_of(kFirst));
  CHECK_FALSE(lost.may_have_one_of(kSecond));
  CHECK(lost.lose("b", kSecond, 0));
  CHECK(lost.may_have_one_of(kSecond));
  CHECK(lost.has("b"));
  CHECK_FALSE(lost.has("a"));
}

TEST_CASE("a name is kept until its window is over by every clock") {
  LostCounters lost;
  CHECK(lost.lose("a", kFirst, 500));
  CHECK(lost.lose("b", kSecond, 500));
  CHECK(lost.has("a"));
  CHECK(lost.lose("c", kThird, 500));
  CHECK(lost.has("b"));
}

TEST_CASE("so many single counters are remembered, and those whose windows are over make room") {
  LostCounters lost;
  for (std::size_t i = 0; i < LostCounters::kMost; ++i) {
    CHECK(lost.lose(std::to_string(i), i == 0 ? Window{1000, 1500} : kFirst, 0));
  }
  CHECK_FALSE(lost.lose("one more", kFirst, 0));
  CHECK(lost.lose("another", {1500, 2000}, 0));
  CHECK_FALSE(lost.has("0"));
  CHECK_FALSE(lost.lose("one more", {1500, 2000}, 0));
}
