// A check of several limits on a segment, as a function of the bytes and of what the clock says.
#include "client/shared/shm_members.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "tests/library/fake_segment.hpp"
#include "tests/unit/catch.hpp"

using fake::Segment;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kOffset = 900'000'000'000;  // Redis' clock is CLOCK_MONOTONIC plus this
constexpr std::int64_t kError = 300'000;
constexpr std::int64_t kNow = 100'000'000'000;  // CLOCK_MONOTONIC
constexpr std::int64_t kNowMs = (kNow + kOffset) / kMs;
constexpr std::int64_t kShortEnd = kNowMs + 400;
constexpr std::int64_t kLongEnd = kNowMs + 7'000;

// A limit of 10 a second and 100 in ten seconds, and a bucket of 100 a second.
struct Fixture {
  Segment segment;
  rg_shm_view view = segment.view();
  std::vector<rg_shm_rule> rules{
      {7, 10, 1000, true, true, RG_RULE_WINDOWS, 10, 0, 1000},
      {8, 100, 10'000, true, true, RG_RULE_WINDOWS, 100, 0, 10'000},
      {9, 100, 1000, true, true, RG_RULE_BUCKET, 200, rg_shm_ms_per_permit(100, 1000), 1157}};
  std::vector<rg_slot*> slots{segment.give(7, {}, 10), segment.give(8, {}, 100),
                              segment.give(9, {}, 100)};
  rg_shm_combined combined{};

  Fixture() { segment.set_clock(kOffset, kError, 0, Segment::kHour); }

  // What the clock says; what happens at each reading, by its number from 1.
  std::int64_t now = kNow;
  int readings = 0;
  std::function<void(int)> at_reading = [](int) {};
  std::int64_t read(std::int64_t behind) {
    at_reading(++readings);
    return now - behind;
  }
  rg_shm_reader reader{[](void* of) { return static_cast<Fixture*>(of)->read(5 * kMs); },
                       [](void* of) { return static_cast<Fixture*>(of)->read(0); }, this, 20 * kMs};

  rg_shm_outcome check(std::vector<std::int64_t> costs) {
    std::vector<rg_shm_member> members;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      members.push_back({&rules[i], nullptr, RG_SHM_NO_HINT, costs[i]});
    }
    combined = {};
    readings = 0;
    return rg_shm_check_members(&view, members.data(), static_cast<std::uint32_t>(members.size()),
                                &reader, &combined);
  }
  std::int64_t permits(std::size_t of, int word = 0) const {
    return Segment::permits(slots[of], word);
  }
};

}  // namespace

TEST_CASE("what each of several limits has is taken of all of them") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5);
  Segment::put(f.slots[1], kLongEnd, 20, false, 1);
  Segment::put(f.slots[2], kNowMs + 100, 30);
  REQUIRE(f.check({1, 2, 3}) == RG_SHM_DECIDED);
  CHECK(f.permits(0) == 4);
  CHECK(f.permits(1, 1) == 18);
  CHECK(f.permits(2) == 27);
  CHECK(f.combined.result[f.combined.named].allowed);
  CHECK(f.combined.named == 1);  // 18 of 100 is less than 4 of 10, and than 27 of 100
  CHECK(f.combined.result[0].window_end_ms == kShortEnd);
  CHECK(f.combined.result[1].window_end_ms == kLongEnd);
}

TEST_CASE("the moment that is told lies in all of the windows") {
  Fixture f;
  // The first window has begun a millisecond ago, which the coarse clock does not know yet.
  Segment::put(f.slots[0], kNowMs - 1 + 1000, 5);
  Segment::put(f.slots[1], kLongEnd, 20);
  REQUIRE(f.check({1, 1}) == RG_SHM_DECIDED);
  CHECK(f.combined.result[0].allowed);
  CHECK(f.combined.read_ns == kNow);
}

TEST_CASE("one that denies is a denial of all, and nothing is taken") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5);
  Segment::put(f.slots[1], kLongEnd, 0, true);
  REQUIRE(f.check({1, 1}) == RG_SHM_DECIDED);
  CHECK_FALSE(f.combined.result[f.combined.named].allowed);
  CHECK(f.combined.named == 1);
  CHECK(f.permits(0) == 5);

  // Two that deny: who waits for the longer one has waited for both.
  Segment::put(f.slots[0], kShortEnd, 0, true);
  REQUIRE(f.check({1, 1}) == RG_SHM_DECIDED);
  CHECK(f.combined.named == 1);
  CHECK(f.combined.result[1].retry_after_ms > 6'900);

  // One denies, and of the other nothing is known here.
  rg_word_void(&f.slots[0]->word[0]);
  REQUIRE(f.check({1, 1}) == RG_SHM_DECIDED);
  CHECK(f.combined.named == 1);
}

TEST_CASE("of members that deny the one that is blocked for good is named") {
  Fixture f;
  Segment::put(f.slots[1], kLongEnd, 0, true);
  f.slots[0]->identity.rule = f.segment.identity(7, "").rule | RG_RULE_IS_BLOCKED;
  Segment::put(f.slots[0], kShortEnd, 0, true);
  REQUIRE(f.check({1, 1}) == RG_SHM_DECIDED);
  CHECK(f.combined.named == 0);
  CHECK(f.combined.result[0].blocked);
}

TEST_CASE("one that is not to be decided here leaves all to the daemon") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5);
  Segment::put(f.slots[1], kLongEnd, 3);  // and the daemon may have more
  CHECK(f.check({1, 4}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 5);
  rg_word_void(&f.slots[1]->word[0]);
  CHECK(f.check({1, 1}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 5);
}

TEST_CASE("the same limit twice pays for both or for none") {
  Fixture f;
  f.rules[1] = f.rules[0];
  Segment::put(f.slots[0], kShortEnd, 5);
  REQUIRE(f.check({2, 3}) == RG_SHM_DECIDED);
  CHECK(f.permits(0) == 0);
  rg_word_void(&f.slots[0]->word[0]);
  Segment::put(f.slots[0], kShortEnd, 5);
  CHECK(f.check({3, 3}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 5);  // what the first has taken was put back
  CHECK(f.combined.stranded == 0);
}

TEST_CASE("what another takes between the look and the swap is put back by who finds too little") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5, true);
  Segment::put(f.slots[1], kLongEnd, 60, true);
  // The readings are: two looks, then the first that is taken, of which least is left, and then the
  // other.
  f.at_reading = [&](int reading) {
    if (reading != 4) return;
    rg_word_void(&f.slots[1]->word[0]);
    Segment::put(f.slots[1], kLongEnd, 0, true);
  };
  CHECK(f.check({1, 1}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 5);
  CHECK(rg_word_exhausted(rg_word_load(&f.slots[0]->word[0])));
  CHECK(f.combined.stranded == 0);
}

TEST_CASE("what was taken of a window that ends before the last is taken is not spent") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5);
  Segment::put(f.slots[1], kLongEnd, 60);
  f.at_reading = [&](int reading) {
    if (reading == 5) f.now += 500 * kMs;  // the one after both were taken
  };
  CHECK(f.check({1, 1}) == RG_SHM_MISS);
  CHECK(f.permits(1) == 60);
  CHECK(f.permits(0) == 5);  // of no use to anybody by now

  // Where the next window has begun in that word, nothing comes back to it.
  f.now = kNow;
  f.at_reading = [&](int reading) {
    if (reading != 5) return;
    f.now += 500 * kMs;
    rg_word_void(&f.slots[0]->word[0]);
    Segment::put(f.slots[0], kShortEnd + 2000, 9);
  };
  CHECK(f.check({1, 1}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 9);
  CHECK(f.permits(1) == 60);
  CHECK(f.combined.stranded == 1);
}

TEST_CASE("what was taken of a pool that leaves its slot meanwhile is not spent") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5);
  Segment::put(f.slots[1], kLongEnd, 60);
  f.at_reading = [&](int reading) {
    if (reading == 5) Segment::hand_over(f.slots[1], {});
  };
  CHECK(f.check({1, 1}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 5);
  CHECK(f.permits(1) == 0);
  CHECK(f.combined.stranded == 2);
}

TEST_CASE("permits are put back only into the word of the same end and the same pool") {
  Fixture f;
  Segment::put(f.slots[0], kShortEnd, 5);
  Segment::put(f.slots[1], kLongEnd, 60);
  f.at_reading = [&](int reading) {
    if (reading != 4) return;
    // The slot is another pool's, which has a window of the same end: it cannot be, and is no harm.
    Segment::hand_over(f.slots[0], f.segment.identity(77, ""));
    Segment::put(f.slots[0], kShortEnd, 3);
    rg_word_void(&f.slots[1]->word[0]);
  };
  CHECK(f.check({1, 1}) == RG_SHM_MISS);
  CHECK(f.permits(0) == 3);
  CHECK(f.combined.stranded == 1);
}

TEST_CASE("whatever bytes the segment holds, several limits are decided or missed") {
  Fixture f;
  std::uint64_t state = 12345;
  const auto next = [&state] {
    return state = state * 6364136223846793005U + 1442695040888963407U;
  };
  for (int round = 0; round < 20'000; ++round) {
    for (rg_slot* slot : f.slots) {
      for (std::uint64_t& word : slot->word) {
        __atomic_store_n(&word, next() >> (next() % 64), __ATOMIC_RELAXED);
      }
      rg_hint_store(&slot->left, static_cast<std::uint32_t>(next()));
    }
    if (round % 7 == 0) {
      f.segment.set_clock(static_cast<std::int64_t>(next()), static_cast<std::int64_t>(next()), 0,
                          Segment::kHour, static_cast<std::int64_t>(next()));
    } else if (round % 7 == 1) {
      f.segment.set_clock(kOffset, kError, 0, Segment::kHour);
    }
    const rg_shm_outcome outcome = f.check({1, 1, 1});
    REQUIRE((outcome == RG_SHM_DECIDED || outcome == RG_SHM_MISS));
  }
}

TEST_CASE("threads that take two limits in opposite orders spend no more than there is") {
  Fixture f;
  constexpr std::int64_t kFirst = 4'000;
  constexpr std::int64_t kSecond = 3'000;
  Segment::put(f.slots[0], kShortEnd, kFirst);
  Segment::put(f.slots[1], kLongEnd, kSecond);
  const rg_shm_reader still{[](void*) { return kNow; }, [](void*) { return kNow; }, nullptr,
                            20 * kMs};
  std::atomic<std::int64_t> allowed{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const rg_shm_member members[2] = {{&f.rules[t % 2], nullptr, RG_SHM_NO_HINT, 1},
                                        {&f.rules[1 - t % 2], nullptr, RG_SHM_NO_HINT, 1}};
      for (int i = 0; i < 5'000; ++i) {
        rg_shm_combined told{};
        if (rg_shm_check_members(&f.view, members, 2, &still, &told) == RG_SHM_DECIDED) ++allowed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(allowed == kSecond);
  CHECK(f.permits(1) == 0);
  CHECK(f.permits(0) == kFirst - kSecond);
}
