// Which windows are remembered as lost, and which of them may be counted on.
#include "daemon/core/lost_windows.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr Window kFirst{1000, 2000}, kSecond{2000, 3000};

}  // namespace

TEST_CASE(
    "all windows that began by a moment are lost, and those that may have been reserved then") {
  LostWindows lost;
  CHECK_FALSE(lost.any());
  CHECK_FALSE(lost.all().has(kFirst, 0));
  lost.lose_all(StoreTime{1'500'000}, 0, false);
  lost.lose_all(StoreTime{1'200'000}, 0, false);  // which is known already
  CHECK(lost.any());
  CHECK(lost.through() == StoreTime{1'500'000});
  CHECK(lost.all().has(kFirst, 0));
  CHECK_FALSE(lost.all().has(kSecond, 0));
  CHECK(lost.all().has(kSecond, 500'000));
}

TEST_CASE("what was lost before may reach further, by a larger margin") {
  LostWindows lost;
  lost.lose_all(StoreTime{900'000}, 1'200'000, true);
  lost.lose_all(StoreTime{1'000'000}, 0, true);
  CHECK(lost.all().has(kSecond, 0));
  CHECK(lost.all().told_by_us == 2'100'000 + LostWindows::kTellingUs);
}

TEST_CASE("a window is told of where all hosts have heard of each loss of it") {
  LostWindows lost;
  lost.lose_all(StoreTime{1'500'000}, 0, true);
  CHECK(lost.all().recounts(kFirst, 0));
  CHECK_FALSE(lost.all().recounts(kSecond, 0));
  lost.lose_all(StoreTime{1'400'000}, 0, false);  // of which some may not have heard
  CHECK_FALSE(lost.all().recounts(kFirst, 0));
  lost.lose_all(StoreTime{2'500'000}, 0, true);
  CHECK_FALSE(lost.all().recounts(kFirst, 0));
  CHECK(lost.all().recounts(kSecond, 0));
}

TEST_CASE("a clock that was wrong loses nothing that is still to come") {
  LostWindows lost;
  lost.lose_all(StoreTime{9'000'000'000}, 0, false);
  lost.not_after(StoreTime{1'500'000});
  CHECK(lost.all().has(kFirst, 0));
  CHECK_FALSE(lost.all().has(kSecond, 0));
  lost.not_after(StoreTime{2'500'000});
  CHECK_FALSE(lost.all().has(kSecond, 0));
}
