// What is remembered of lost counts, for how long, and at what price for checks of other windows.
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
  lost.lose_all(StoreTime{1'500'000}, 0, false);
  lost.lose_all(StoreTime{1'200'000}, 0, false);  // which is known already
  CHECK(lost.any());
  CHECK(lost.through() == StoreTime{1'500'000});
  CHECK(lost.has_all_of(kFirst, 0));
  CHECK_FALSE(lost.has_all_of(kSecond, 0));
  CHECK(lost.has_all_of(kSecond, 500'000));
}

TEST_CASE("a window is told of where all hosts have heard of each loss of it") {
  LostWindows lost;
  lost.lose_all(StoreTime{1'500'000}, 0, true);
  CHECK(lost.recounts(kFirst, 0));
  CHECK_FALSE(lost.recounts(kSecond, 0));
  lost.lose_all(StoreTime{1'400'000}, 0, false);  // of which some may not have heard
  CHECK_FALSE(lost.recounts(kFirst, 0));
  lost.lose_all(StoreTime{2'500'000}, 0, true);
  CHECK_FALSE(lost.recounts(kFirst, 0));
  CHECK(lost.recounts(kSecond, 0));
  LostWindows to;
  to.lose_all(StoreTime{2'600'000}, 0, true);
  to.take_over(lost, 0, false);
  CHECK_FALSE(to.recounts(kSecond, 0));
}

TEST_CASE("what all had told of when its counter went to another shard is counted on there") {
  LostWindows from;
  from.lose_all(StoreTime{1'500'000}, 0, true);
  LostWindows told, untold;
  told.take_over(from, 100'000, true);
  untold.take_over(from, 100'000, false);
  for (const LostWindows* to : {&told, &untold}) {
    CHECK(to->has_all_of(kFirst, 0));
    CHECK_FALSE(to->has_all_of(kSecond, 0));
  }
  CHECK(told.recounts(kFirst, 0));
  CHECK_FALSE(untold.recounts(kFirst, 0));
  LostWindows next;
  next.take_over(told, 100'000, true);
  CHECK(next.recounts(kFirst, 0));
  next.take_over(untold, 100'000, true);
  CHECK_FALSE(next.recounts(kFirst, 0));
  // What not all have heard of is told by nobody.
  from.lose_all(StoreTime{1'500'000}, 0, false);
  told.take_over(from, 100'000, true);
  CHECK_FALSE(told.recounts(kFirst, 0));
}

TEST_CASE("a clock that was wrong loses nothing that is still to come") {
  LostWindows lost;
  lost.lose_all(StoreTime{9'000'000'000}, 0, false);
  lost.not_after(StoreTime{1'500'000});
  CHECK(lost.has_all_of(kFirst, 0));
  CHECK_FALSE(lost.has_all_of(kSecond, 0));
  lost.not_after(StoreTime{2'500'000});
  CHECK_FALSE(lost.has_all_of(kSecond, 0));
}

TEST_CASE("no name is looked for in a window that began when all that were lost were over") {
  LostWindows lost;
  lost.lose("a", kFirst);
  CHECK(lost.any_counter_of(kFirst));
  CHECK_FALSE(lost.any_counter_of(kSecond));
  lost.lose("b", kSecond);
  CHECK(lost.any_counter_of(kSecond));
  CHECK(lost.has("b"));
  CHECK_FALSE(lost.has("a"));
}

TEST_CASE("where too many single counters are lost all windows of then are") {
  LostWindows lost;
  for (int i = 0; i < 4096; ++i) lost.lose(std::to_string(i), kFirst);
  CHECK_FALSE(lost.has_all_of(kFirst, 0));
  lost.lose("one more", kFirst);
  CHECK(lost.has_all_of(kFirst, 0));
  CHECK_FALSE(lost.has_all_of(kSecond, 0));
}

TEST_CASE(
    "what another shard has lost is lost where its counters go, by a clock that may be apart") {
  LostWindows from;
  from.lose_all(StoreTime{900'000}, 200'000, false);
  from.lose("a", kFirst);
  LostWindows to;
  to.lose_all(StoreTime{1'000'000}, 0, false);  // later, and yet not as far
  to.take_over(from, 900'000, false);
  CHECK(to.has_all_of(kSecond, 0));
  CHECK(to.has("a"));
  LostWindows next;
  next.take_over(to, 900'000, false);
  CHECK(next.any());
  CHECK(next.has_all_of(kSecond, 0));
  // There and back, any number of times: it stays what it is.
  for (int i = 0; i < 10; ++i) {
    from.take_over(next, 900'000, false);
    next.take_over(from, 900'000, false);
  }
  CHECK_FALSE(next.has_all_of({3000, 4000}, 0));
  LostWindows nothing;
  nothing.take_over(LostWindows(), 900'000, false);
  CHECK_FALSE(nothing.any());
}
