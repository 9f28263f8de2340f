// The decision on a segment of limits whose permits are leased in slices: token buckets and sliding
// windows, of which two words may be open.
#include "client/shared/shm_slices.h"

#include <atomic>
#include <thread>
#include <vector>

#include "client/shared/shm_check.h"
#include "tests/library/fake_segment.hpp"
#include "tests/unit/catch.hpp"

using fake::Segment;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLag = 20 * kMs;
constexpr std::int64_t kOffset = 900'000'000'000;  // Redis' clock is CLOCK_MONOTONIC plus this
constexpr std::int64_t kError = 300'000;
constexpr std::int64_t kNow = 100'000'000'000;  // CLOCK_MONOTONIC
constexpr std::int64_t kNowMs = (kNow + kOffset) / kMs;

struct Fixture {
  Segment segment;
  rg_shm_view view = segment.view();
  // 100 a second, 200 at once, in slices of 125 ms.
  rg_shm_rule rule{7,   100, 1000, true, true, RG_RULE_BUCKET, 200, rg_shm_ms_per_permit(100, 1000),
                   1157};
  rg_slot* slot = segment.give(7, {}, 100);
  rg_shm_result result{};

  Fixture() { segment.set_clock(kOffset, kError, 0, Segment::kHour); }
  // How the clock is read: what it says by then, and how often it was asked.
  std::int64_t coarse = kNow;
  std::int64_t precise = kNow;
  int coarse_readings = 0;
  int precise_readings = 0;
  rg_shm_reader reader{[](void* of) {
                         ++static_cast<Fixture*>(of)->coarse_readings;
                         return static_cast<Fixture*>(of)->coarse;
                       },
                       [](void* of) {
                         ++static_cast<Fixture*>(of)->precise_readings;
                         return static_cast<Fixture*>(of)->precise;
                       },
                       this, kLag};
  rg_shm_outcome check(std::int64_t cost = 1, std::int64_t now = kNow, std::int64_t behind = 0) {
    result = {};
    precise = now;
    coarse = now - behind;
    coarse_readings = precise_readings = 0;
    return rg_shm_check_slices(&view, &rule, nullptr, RG_SHM_NO_HINT, cost, false, &reader,
                               &result);
  }
};

}  // namespace

TEST_CASE("of two slices that which ends first is spent of, whichever word it is in") {
  for (const int first : {0, 1}) {
    Fixture f;
    Segment::put(f.slot, kNowMs + 50, 3, false, first);
    Segment::put(f.slot, kNowMs + 150, 5, false, 1 - first, 0, 40);
    REQUIRE(f.check(2) == RG_SHM_DECIDED);
    CHECK(f.result.allowed);
    CHECK(f.result.window_end_ms == kNowMs + 50);
    CHECK(f.result.remaining == 3 + 5 + 40 - 2);
    CHECK(Segment::permits(f.slot, first) == 1);
    // What that has not enough for is taken out of the other one.
    REQUIRE(f.check(2) == RG_SHM_DECIDED);
    CHECK(f.result.window_end_ms == kNowMs + 150);
    CHECK(Segment::permits(f.slot, first) == 1);
    CHECK(Segment::permits(f.slot, 1 - first) == 3);
    // And what is in both of them together the daemon can take.
    CHECK(f.check(4) == RG_SHM_MISS);
    CHECK(f.check(5) == RG_SHM_MISS);
    CHECK(Segment::permits(f.slot, 1 - first) == 3);
  }
}

TEST_CASE("a slice is spent of until its end by the latest time that it may be") {
  Fixture f;
  Segment::put(f.slot, kNowMs + 1, 9);
  CHECK(f.check(1, kNow + kMs - kError) == RG_SHM_MISS);
  REQUIRE(f.check(1, kNow + kMs - kError - 1000) == RG_SHM_DECIDED);
  CHECK(f.result.allowed);
}

TEST_CASE("a slice has no beginning, but none ends later than it can") {
  Fixture f;
  Segment::put(f.slot, kNowMs + f.rule.longest_ms - 1, 9);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK(f.check(1, kNow - 2 * kMs) == RG_SHM_MISS);
}

TEST_CASE("the coarse clock decides where its lag leaves nothing open") {
  Fixture f;
  Segment::put(f.slot, kNowMs + 15, 3, false, 0);
  Segment::put(f.slot, kNowMs + 100, 5, false, 1);
  // The first one may be over by now, and may not.
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK((f.coarse_readings == 1 && f.precise_readings == 1));
  CHECK(f.result.window_end_ms == kNowMs + 15);
  CHECK(f.result.read_ns == kNow);
  Segment::put(f.slot, kNowMs + 15, 0, false, 0);
  REQUIRE(f.check(1, kNow, 2 * kMs) == RG_SHM_DECIDED);
  CHECK((f.coarse_readings == 1 && f.precise_readings == 0));
  CHECK(f.result.window_end_ms == kNowMs + 100);
  CHECK(f.result.read_ns == kNow - 2 * kMs);
  // Whether a denial still stands makes no difference to a permit.
  Segment::put(f.slot, kNowMs + 15, 0, true, 0);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK(f.precise_readings == 0);
  // It is over for certain where it was before the reading.
  Segment::put(f.slot, kNowMs + 15, 3, false, 0);
  REQUIRE(f.check(1, kNow + 16 * kMs) == RG_SHM_DECIDED);
  CHECK(f.precise_readings == 0);
  CHECK(f.result.window_end_ms == kNowMs + 100);
}

TEST_CASE("a denial tells when the first permit is there, as far as that is after its word") {
  for (const rg_rule_kind kind : {RG_RULE_BUCKET, RG_RULE_SLIDING_LOG}) {
    Fixture f;
    f.rule.kind = kind;
    Segment::put(f.slot, kNowMs + 40, 0, true, 1, 0, RG_LEFT_IS_WAIT | 59'000);
    REQUIRE(f.check() == RG_SHM_DECIDED);
    CHECK_FALSE(f.result.allowed);
    CHECK(f.result.retry_after_ms == 41 + 59'000);
    CHECK(f.result.reset_after_ms >= f.result.retry_after_ms);
    CHECK(f.result.remaining == 0);
    // It is no number of permits, whatever the other word has.
    Segment::put(f.slot, kNowMs + 100, 5, false, 0, 0, RG_LEFT_IS_WAIT | 59'000);
    REQUIRE(f.check() == RG_SHM_DECIDED);
    CHECK(f.result.allowed);
    CHECK(f.result.remaining == 4);
  }
}

TEST_CASE("a word that says that the store has nothing denies until it ends") {
  Fixture f;
  Segment::put(f.slot, kNowMs + 40, 0, true, 1);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  CHECK(f.result.retry_after_ms == 41);
  CHECK((f.coarse_readings == 0 && f.precise_readings == 1));
  CHECK(f.result.remaining == 0);
  CHECK(f.result.reset_after_ms == 2001);  // 200 permits at 100 a second
  CHECK(f.check(1, kNow + 40 * kMs) == RG_SHM_MISS);
  // What the other one has is spent all the same.
  Segment::put(f.slot, kNowMs + 90, 2, false, 0);
  REQUIRE(f.check(2) == RG_SHM_DECIDED);
  CHECK(f.result.allowed);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
}

TEST_CASE("a denial stands at the clock's reading after its words were looked at, or not") {
  Fixture f;
  Segment::put(f.slot, kNowMs + 40, 0, true, 1);
  // A client that slept over its end: by now the store may have something.
  CHECK(f.check(1, kNow + 40 * kMs - kError) == RG_SHM_MISS);
  REQUIRE(f.check(1, kNow + 40 * kMs - kError - 1000) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  // What is left of a slice that is over is nothing, which the coarse clock says.
  Segment::put(f.slot, kNowMs - 30, 9, false, 0);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  CHECK((f.coarse_readings == 1 && f.precise_readings == 1));
  // Where it may not be over, it may be spent still.
  Segment::put(f.slot, kNowMs, 9, false, 0);
  CHECK(f.check(1, kNow + kError / 2) == RG_SHM_MISS);
}

TEST_CASE("no denial is told by a slice that is over, nor where both together have enough") {
  Fixture f;
  Segment::put(f.slot, kNowMs - 1, 0, true, 0);
  Segment::put(f.slot, kNowMs + 40, 2, false, 1);
  CHECK(f.check(3) == RG_SHM_MISS);
  Segment::put(f.slot, kNowMs + 90, 3, true, 0);
  CHECK(f.check(5) == RG_SHM_MISS);
  REQUIRE(f.check(6) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
}

TEST_CASE("a cost above the burst is the daemon's to refuse") {
  Fixture f;
  Segment::put(f.slot, kNowMs + 90, 0, true);
  REQUIRE(f.check(200) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  CHECK(f.check(201) == RG_SHM_MISS);
}

TEST_CASE("a sliding window is whole again a period after its last slice") {
  Fixture f;
  f.rule.kind = RG_RULE_SLIDING_LOG;
  f.rule.burst = 100;
  Segment::put(f.slot, kNowMs + 90, 3, false, 0, 0, 50);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK(f.result.remaining == 52);
  CHECK(f.result.reset_after_ms == 1091);
}

TEST_CASE("who takes the two slices together below low water nudges") {
  Fixture f;
  Segment::put(f.slot, kNowMs + 50, 2, false, 0);
  Segment::put(f.slot, kNowMs + 90, 4, false, 1, 5);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.nudge);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK(f.result.nudge);
  REQUIRE(f.check() == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.nudge);
}

TEST_CASE("of two slices that threads race for each permit is spent once") {
  Fixture f;
  constexpr int kThreads = 4;
  constexpr int kPermits = 20'000;
  Segment::put(f.slot, kNowMs + 50, kPermits, false, 0);
  Segment::put(f.slot, kNowMs + 90, kPermits, true, 1);
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const auto now = [](void*) { return kNow; };
      const rg_shm_reader reader{now, now, nullptr, kLag};
      rg_shm_result result{};
      for (int n = 0; n < kPermits; ++n) {
        const auto outcome = rg_shm_check_slices(&f.view, &f.rule, nullptr, RG_SHM_NO_HINT, 1,
                                                 false, &reader, &result);
        if (outcome == RG_SHM_DECIDED && result.allowed) ++allowed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(allowed == 2 * kPermits - Segment::permits(f.slot, 0) - Segment::permits(f.slot, 1));
  CHECK(allowed > kPermits);
}

TEST_CASE("a key that has permits of its own has a burst and a rate of its own") {
  Fixture f;
  f.rule.burst = 100;
  Segment::hand_over(f.slot, f.segment.identity(7, ""), 400);
  Segment::put(f.slot, kNowMs + 100, 90, false, 0, 0, 500);
  REQUIRE(f.check(90) == RG_SHM_DECIDED);
  CHECK(f.result.allowed);
  CHECK(f.result.limit == 400);
  CHECK(f.result.remaining == 400 - 90);
  CHECK(f.result.reset_after_ms == 90 * 1000 / 400 + 1);
  CHECK(f.check(401) == RG_SHM_MISS);
  // What nobody has written who is trusted: nothing is known of such a pool.
  Segment::hand_over(f.slot, f.segment.identity(7, ""), 0);
  Segment::put(f.slot, kNowMs + 100, 90);
  CHECK(f.check() == RG_SHM_MISS);
}

TEST_CASE("a key of a bucket that is blocked is denied, for good where it has no permits") {
  for (const std::int64_t permits : {std::int64_t{0}, std::int64_t{100}}) {
    Fixture f;
    const rg_identity id = f.segment.identity(7, "");
    f.slot->identity.rule = rg_rule_with_number(id.rule, permits) | RG_RULE_IS_BLOCKED;
    Segment::put(f.slot, kNowMs + 900, 0, true, 0, 0, 5'000);
    REQUIRE(f.check() == RG_SHM_DECIDED);
    CHECK_FALSE(f.result.allowed);
    CHECK(f.result.blocked);
    CHECK(f.result.limit == permits);
    CHECK(f.result.retry_after_ms == (permits == 0 ? -1 : 901 + 5'000));
  }
}
