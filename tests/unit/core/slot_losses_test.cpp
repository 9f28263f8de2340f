// What slots of a cluster take along when they go to another shard.
#include "daemon/core/slot_losses.hpp"

#include "daemon/core/shard.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr ShardId kA{0}, kB{1}, kC{2};
constexpr std::uint16_t kSlot = 7, kOther = 8;
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr Mono kNow{1000 * kSecondUs};
constexpr Window kHour{0, 3'600'000};

// It was lost at the 1000th second of the store's clock.
LostWindows lost_at_1000(bool recounts = true) {
  LostWindows lost;
  lost.lose_all(StoreTime{1000 * kSecondUs}, 0, recounts);
  return lost;
}

std::optional<ClockReading> reading(std::int64_t seconds) {
  const StoreTime at{seconds * kSecondUs};
  return ClockReading{at, at};
}

}  // namespace

TEST_CASE("what a shard has lost goes with the slots that leave it, and with no others") {
  SlotLosses losses;
  CHECK_FALSE(losses.may_concern(kHour, 0));
  losses.add(kSlot, lost_at_1000(), reading(1001), false);
  losses.add(kOther, LostWindows(), reading(1001), false);
  CHECK(losses.may_concern(kHour, 0));
  CHECK(losses.lost(kSlot).recounts(kHour, 0));
  CHECK_FALSE(losses.lost(kOther).has(kHour, 0));
  // The clocks of two shards may be so far apart; that is added once, through however many shards.
  const Window later{1'000'500, 2'000'000}, latest{1'000'501, 2'000'000};
  for (int i = 0; i < 10; ++i) {
    losses.add(kSlot, LostWindows(), reading(1001), false);
    losses.add(kSlot, lost_at_1000(), reading(1001), false);
  }
  CHECK(losses.lost(kSlot).has(later, 0));
  CHECK_FALSE(losses.lost(kSlot).has(latest, 0));
  CHECK_FALSE(losses.may_concern(latest, 0));
}

TEST_CASE("all have the time to tell what they know where the slot has come") {
  SlotLosses losses;
  losses.add(kSlot, lost_at_1000(), reading(1009), false);
  const std::int64_t told_by_us = 1009 * kSecondUs + LostWindows::kTellingUs + kMaxSkewUs;
  CHECK(losses.lost(kSlot).told_by_us == told_by_us);
  SECTION("also where it goes on") {
    losses.add(kSlot, LostWindows(), reading(1020), false);
    CHECK(losses.lost(kSlot).told_by_us == told_by_us + 11 * kSecondUs);
  }
  SECTION("but long after the loss nobody has anything to tell") {
    losses.add(kSlot, LostWindows(), reading(1100), false);
    CHECK(losses.lost(kSlot).told_by_us == told_by_us);
    losses.add(kOther, lost_at_1000(), reading(1100), false);
    CHECK(losses.lost(kOther).told_by_us < 1010 * kSecondUs);
    CHECK(losses.lost(kOther).recounts(kHour, 0));
  }
  SECTION("unless the slot was not seen since") {
    losses.add(kOther, lost_at_1000(), reading(1100), true);
    CHECK(losses.lost(kOther).told_by_us == told_by_us + 91 * kSecondUs);
  }
  SECTION("what not all hosts hear of is told by nobody") {
    losses.add(kSlot, lost_at_1000(false), reading(1009), false);
    CHECK(losses.lost(kSlot).has(kHour, 0));
    CHECK_FALSE(losses.lost(kSlot).recounts(kHour, 0));
  }
  SECTION("nor what was lost by a clock that cannot be read") {
    losses.add(kOther, lost_at_1000(), {}, false);
    CHECK_FALSE(losses.lost(kOther).recounts(kHour, 0));
  }
}

TEST_CASE("while a slot is on its way nobody can tell of it") {
  SlotLosses losses;
  losses.on_its_way(kOther, LostWindows(), *reading(1003));
  CHECK_FALSE(losses.may_concern(kHour, 0));
  losses.on_its_way(kSlot, lost_at_1000(), *reading(1003));
  CHECK(losses.may_concern(kHour, 0));
  CHECK(losses.lost(kSlot).told_by_us == 1003 * kSecondUs + LostWindows::kTellingUs + kMaxSkewUs);
  CHECK_FALSE(losses.lost(kSlot).has(kHour, 0));  // its shard has
  losses.on_its_way(kOther, lost_at_1000(), *reading(1100));
  CHECK(losses.lost(kOther).told_by_us == INT64_MIN);
}

TEST_CASE("a loss that is heard of once a slot has left lately concerns the slot") {
  SlotLosses losses;
  losses.left(kSlot, kA, kNow, {}, kNow);
  const Mono later{kNow.us + SlotLosses::kLatelyUs - 1};
  CHECK(losses.concerns(kSlot, kA, kNever, later));
  CHECK_FALSE(losses.concerns(kSlot, kA, kNever, after(later, 1)));
  CHECK_FALSE(losses.concerns(kOther, kA, kNever, later));
  losses.heard(kA, lost_at_1000(), kNever, *reading(1004), later);
  CHECK(losses.lost(kSlot).recounts(kHour, 0));
  CHECK(losses.lost(kSlot).told_by_us == 1004 * kSecondUs + LostWindows::kTellingUs + kMaxSkewUs);
  CHECK_FALSE(losses.lost(kOther).has(kHour, 0));
}

TEST_CASE("a loss that came long after a slot had left does not concern it") {
  SlotLosses losses;
  losses.left(kSlot, kA, kNow, {}, kNow);
  const Mono soon = after(kNow, SlotLosses::kGreetedByUs);
  CHECK(losses.concerns(kSlot, kA, soon, soon));
  CHECK_FALSE(losses.concerns(kSlot, kA, after(soon, 1), after(soon, 1)));
  CHECK(losses.concerns(kSlot, kA, kNever, soon));
}

TEST_CASE("between two looks at the map a slot may have been in any shard") {
  SlotLosses losses;
  const Mono seen{kNow.us - 3 * kSecondUs};
  losses.left(kSlot, kA, seen, {}, kNow);
  const Mono before{seen.us - kMaxSkewUs - 1}, since{seen.us - kMaxSkewUs};
  CHECK(losses.concerns(kSlot, kC, since, kNow));
  CHECK_FALSE(losses.concerns(kSlot, kC, before, kNow));
  // From that one it came, whenever that had lost it.
  CHECK(losses.concerns(kSlot, kA, before, kNow));
}

TEST_CASE("there is doubt about each shard once, however often slots go to and fro") {
  SlotLosses losses;
  for (int i = 0; i < 100; ++i) {
    losses.left(kSlot, kA, kNow, reading(1001), kNow);
    losses.doubt(kSlot, kA, StoreTime{1001 * kSecondUs}, kNow);
    losses.left(kSlot, kB, kNow, reading(1002), kNow);
  }
  CHECK(losses.doubts(kSlot) == 1);
  const Window next{1'001'500, 2'000'000};  // by the clock of the shard where it is now
  CHECK(losses.is_doubted(kSlot, next, 0, kNow));
  CHECK_FALSE(losses.is_doubted(kOther, next, 0, kNow));
  CHECK_FALSE(losses.is_doubted(kSlot, {1'002'001, 2'000'000}, 0, kNow));
  CHECK_FALSE(losses.is_doubted(kSlot, next, 0, after(kNow, SlotLosses::kLatelyUs)));
  losses.greeted(kA);
  CHECK_FALSE(losses.is_doubted(kSlot, next, 0, kNow));
}
