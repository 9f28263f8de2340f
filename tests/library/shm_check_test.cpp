// The decision on a segment, as a function of the bytes and the time: each edge by itself.
// The library exports none of it: its body is compiled in.
#include "client/shared/shm_check.h"

#include <thread>
#include <vector>

#include "client/shared/shm_decide.h"
#include "shm/bounds.h"
#include "tests/library/fake_segment.hpp"
#include "tests/unit/catch.hpp"

using fake::Segment;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLag = 20 * kMs;
// Redis' clock is CLOCK_MONOTONIC plus this, and the window [1000 s, 1001 s) is looked at.
constexpr std::int64_t kOffset = 900'000'000'000;
constexpr std::int64_t kStart = 100'000'000'000;  // of the window, CLOCK_MONOTONIC
constexpr std::int64_t kEnd = kStart + 1000 * kMs;
constexpr std::int64_t kEndMs = 1'001'000;
constexpr std::int64_t kError = 300'000;
constexpr std::int64_t kMiddle = kStart + 500 * kMs;

struct Fixture {
  Segment segment;
  rg_shm_view view = segment.view();
  rg_shm_rule rule{7, 100, 1000, true, true, RG_RULE_WINDOWS, 100, 0, 1000};
  rg_slot* slot = segment.give(7, {}, 100);
  rg_shm_result result{};

  Fixture() { segment.set_clock(kOffset, kError, 0, Segment::kHour); }
  rg_shm_outcome check(std::int64_t now, std::int64_t lag = 0, std::int64_t cost = 1,
                       const rg_identity* id = nullptr) {
    result = {};
    return rg_shm_check(&view, &rule, id, RG_SHM_NO_HINT, {cost, now, lag, false}, &result);
  }
};

}  // namespace

TEST_CASE("permits are spent to the last, and what is left is told") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 5, false, 0, 0, 40);
  REQUIRE(f.check(kMiddle, 0, 2) == RG_SHM_DECIDED);
  CHECK(f.result.allowed);
  CHECK(f.result.remaining == 43);
  CHECK(f.result.window_end_ms == kEndMs);
  CHECK(f.result.reset_after_ms == 501);  // half a second and the error
  CHECK(f.result.slot == f.segment.number_of(f.slot));
  CHECK(f.check(kMiddle, 0, 4) == RG_SHM_MISS);  // 3 left, and the daemon may have more
  CHECK(Segment::permits(f.slot) == 3);
  REQUIRE(f.check(kMiddle, 0, 3) == RG_SHM_DECIDED);
  CHECK(f.result.allowed);
  CHECK(f.check(kMiddle) == RG_SHM_MISS);
}

TEST_CASE("no more remains than the limit, whatever the hint says") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 5, false, 0, 0, 1U << 30);
  REQUIRE(f.check(kMiddle, 0, 2) == RG_SHM_DECIDED);
  CHECK(f.result.remaining == f.rule.limit - 2);
}

TEST_CASE("an exhausted window denies what does not fit, and gives what it has") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 2, true);
  REQUIRE(f.check(kMiddle, 0, 3) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  CHECK(f.result.remaining == 2);
  CHECK(f.result.reset_after_ms == 501);
  REQUIRE(f.check(kMiddle, 0, 2) == RG_SHM_DECIDED);
  CHECK(f.result.allowed);
  REQUIRE(f.check(kMiddle) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
}

TEST_CASE("a cost above the limit is the daemon's to refuse") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 1000, true);
  CHECK(f.check(kMiddle, 0, 101) == RG_SHM_MISS);
  CHECK(f.check(kMiddle, 0, 100) == RG_SHM_DECIDED);
}

TEST_CASE("a window is used only where all that the time may be lies in it") {
  for (const std::int64_t lag : {std::int64_t{0}, kLag}) {
    for (const int word : {0, 1}) {
      CAPTURE(lag, word);
      Fixture f;
      Segment::put(f.slot, kEndMs, 100, false, word);
      const std::int64_t margin = kError + lag;
      CHECK(f.check(kStart + margin - 1, lag) == RG_SHM_BETWEEN);
      CHECK(f.result.wait_ns == 2);
      CHECK(f.check(kStart + margin, lag) == RG_SHM_DECIDED);
      CHECK(f.result.reset_after_ms == 1001);
      CHECK(f.check(kEnd - margin - 1, lag) == RG_SHM_DECIDED);
      CHECK(f.check(kEnd - margin, lag) == RG_SHM_BETWEEN);
      CHECK(f.result.wait_ns == 2 * margin + 1);
      CHECK(f.check(kEnd + margin - 1, lag) == RG_SHM_BETWEEN);
      CHECK(f.result.wait_ns == 2);
      CHECK(f.check(kEnd + margin, lag) == RG_SHM_MISS);        // it is past
      CHECK(f.check(kStart - margin - 1, lag) == RG_SHM_MISS);  // it is to come
      CHECK(Segment::permits(f.slot, word) == 98);
    }
  }
}

TEST_CASE("at the end of a window the next one, which is ready, is taken") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 1, false, 0);
  Segment::put(f.slot, kEndMs + 1000, 1, false, 1);
  CHECK(f.check(kEnd) == RG_SHM_BETWEEN);
  REQUIRE(f.check(kEnd + f.result.wait_ns) == RG_SHM_DECIDED);
  CHECK(f.result.window_end_ms == kEndMs + 1000);
  CHECK(Segment::permits(f.slot, 0) == 1);
  CHECK(Segment::permits(f.slot, 1) == 0);
}

TEST_CASE("the error grows with the age of its measurement") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 100);
  const std::int64_t drift = 4'294'967;  // 1000 ppm
  f.segment.set_clock(kOffset, kError, kStart - 10'000 * kMs, Segment::kHour, drift);
  // After ten seconds, ten milliseconds and a little.
  CHECK(f.check(kStart + 10 * kMs) == RG_SHM_BETWEEN);
  CHECK(f.check(kStart + 11 * kMs) == RG_SHM_DECIDED);
  // Over days the product does not fit in 64 bits.
  f.segment.set_clock(kOffset, kError, -INT64_C(100'000'000'000'000), INT64_MAX, drift);
  CHECK(f.check(kMiddle) == RG_SHM_MISS);
}

TEST_CASE("a measurement that is newer than the reading is of age 0") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 100);
  f.segment.set_clock(kOffset, kError, kMiddle + 5 * kMs, Segment::kHour, 4'294'967);
  CHECK(f.check(kMiddle) == RG_SHM_DECIDED);
}

TEST_CASE("the clock is used until it is not to be trusted, and not while it is written") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 100);
  f.segment.set_clock(kOffset, kError, 0, kMiddle + kLag);
  CHECK(f.check(kMiddle - 1, kLag) == RG_SHM_DECIDED);
  CHECK(f.check(kMiddle, kLag) == RG_SHM_MISS);
  CHECK(f.check(kMiddle + kLag) == RG_SHM_MISS);
  f.segment.set_clock(kOffset, kError, 0, 0);
  CHECK(f.check(kMiddle) == RG_SHM_MISS);
  f.segment.set_clock(kOffset, kError, 0, Segment::kHour);
  CHECK(f.check(kMiddle) == RG_SHM_DECIDED);
  ++f.segment.header().clock[0].sequence;
  CHECK(f.check(kMiddle) == RG_SHM_MISS);
}

TEST_CASE("a slot is judged by the clock whose number it has") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 100);
  for (const std::uint64_t number : {1U, 31U}) {
    f.slot->identity.rule = rg_rule_with_clock(f.rule.id, number);
    CHECK(f.check(kMiddle) == RG_SHM_MISS);
    f.segment.set_clock(kOffset + 1000 * kMs, kError, 0, Segment::kHour, 0, number);
    CHECK(f.check(kMiddle) == RG_SHM_MISS);  // by that clock its window is over
    CHECK(f.check(kMiddle - 1000 * kMs) == RG_SHM_DECIDED);
  }
}

TEST_CASE("a slot says how many permits its key has, and is found whatever that is") {
  Fixture f;
  for (const std::int64_t permits :
       {std::int64_t{1}, std::int64_t{40}, std::int64_t{RG_MAX_PERMITS}}) {
    Segment::hand_over(f.slot, f.segment.identity(7, ""), permits);
    Segment::put(f.slot, kEndMs, 100, false, 0, 0, 1U << 30);
    REQUIRE(f.check(kMiddle) == RG_SHM_DECIDED);
    CHECK(f.result.limit == permits);
    CHECK(f.result.remaining == std::min<std::int64_t>(permits, 100 + (1U << 30)) - 1);
    const rg_identity id = f.segment.identity(7, "");
    CHECK(rg_clock_of(f.slot, &id) == 0);
  }
}

TEST_CASE("where twice the error reaches half of the period, it is the daemon's") {
  Fixture f;
  f.rule.period_ms = 10;
  Segment::put(f.slot, kEndMs, 100);
  f.segment.set_clock(kOffset, 2'500'000, 0, Segment::kHour);
  CHECK(f.check(kEnd - 5 * kMs) == RG_SHM_MISS);
  f.segment.set_clock(kOffset, 2'499'999, 0, Segment::kHour);
  CHECK(f.check(kEnd - 5 * kMs) == RG_SHM_DECIDED);
  CHECK(f.check(kEnd - 5 * kMs, kLag) == RG_SHM_BETWEEN);  // and never the coarse clock's
}

TEST_CASE("a pool is its rule's and its key's alone") {
  const std::string keys[] = {"",
                              "a",
                              "b",
                              std::string(31, 'k'),
                              std::string(32, 'k'),
                              std::string(33, 'k'),
                              std::string(512, 'k'),
                              std::string(3, '\0')};
  Fixture f;
  std::int64_t permits = 10;
  std::vector<rg_slot*> slots;
  for (const std::string& key : keys) {
    rg_slot* slot = f.segment.give(9, key);
    Segment::put(slot, kEndMs, permits++);
    slots.push_back(slot);
  }
  permits = 10;
  f.rule.id = 9;
  for (std::size_t i = 0; i < std::size(keys); ++i) {
    CAPTURE(i);
    const rg_identity id = f.segment.identity(9, keys[i]);
    REQUIRE(f.check(kMiddle, 0, 1, &id) == RG_SHM_DECIDED);
    CHECK(f.result.slot == f.segment.number_of(slots[i]));
    CHECK(f.result.remaining == permits++ - 1);
  }
  for (const char* other : {"c", "aa"}) {
    const rg_identity id = f.segment.identity(9, other);
    CHECK(f.check(kMiddle, 0, 1, &id) == RG_SHM_MISS);
  }
  f.rule.id = 10;
  const rg_identity id = f.segment.identity(10, "a");
  CHECK(f.check(kMiddle, 0, 1, &id) == RG_SHM_MISS);
}

TEST_CASE("what shares a home is found in the slots after it, and no further than the probes") {
  Fixture f;
  const rg_identity id = f.segment.identity(7, "wanted");
  const std::uint64_t home = rg_identity_hash(&id, f.view.hash_seed);
  for (std::uint64_t at = 0; at < 9; ++at) {
    rg_slot* slot = &f.segment.slots()[(home + at) & f.view.mask];
    const rg_identity before = slot->identity;
    Segment::hand_over(slot, id);
    Segment::put(slot, kEndMs, 1);
    CAPTURE(at);
    CHECK(f.check(kMiddle, 0, 1, &id) == (at < 8 ? RG_SHM_DECIDED : RG_SHM_MISS));
    Segment::hand_over(slot, before);
  }
}

TEST_CASE("the empty key is found with any hint, and a right one is enough") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 100);
  for (std::uint32_t hint : {0U, 5U, 63U, 64U, 1'000'000U, f.segment.number_of(f.slot)}) {
    REQUIRE(rg_shm_decide(&f.view, &f.rule, nullptr, hint, 1, kMiddle, 0, &f.result) ==
            RG_SHM_DECIDED);
    CHECK(f.result.slot == f.segment.number_of(f.slot));
  }
}

TEST_CASE("low water is told by the one check that crosses it") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 10, false, 0, 5);
  for (const bool nudge : {false, false, true, false}) {
    REQUIRE(f.check(kMiddle, 0, 2) == RG_SHM_DECIDED);
    CHECK(f.result.nudge == nudge);
  }
}

TEST_CASE("16 threads get exactly what was put there, whatever they take at once") {
  Fixture f;
  constexpr int kThreads = 16;
  constexpr std::int64_t kPut = 20'000;
  f.rule.limit = kPut;
  Segment::put(f.slot, kEndMs, kPut, true, 0, 1000);
  std::atomic<std::int64_t> allowed{0};
  std::atomic<int> nudges{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::int64_t cost = t % 3 + 1;
      for (rg_shm_result result{};;) {
        const rg_shm_outcome outcome =
            rg_shm_decide(&f.view, &f.rule, nullptr, RG_SHM_NO_HINT, cost, kMiddle, 0, &result);
        if (outcome != RG_SHM_DECIDED) continue;  // lost too many swaps
        if (!result.allowed) break;
        allowed += cost;
        nudges += result.nudge ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(allowed == kPut);
  CHECK(Segment::permits(f.slot) == 0);
  CHECK(nudges == 1);
}

TEST_CASE("a denial only loads: the words may be in memory that cannot be written") {
  Fixture f;
  Segment::put(f.slot, kEndMs, 0, true);
  void* pages = mmap(nullptr, f.segment.bytes(), PROT_READ, MAP_SHARED, f.segment.memfd(), 0);
  REQUIRE(pages != MAP_FAILED);
  f.view.header = static_cast<const rg_shm_header*>(pages);
  f.view.slots = reinterpret_cast<rg_slot*>(static_cast<char*>(pages) + RG_SHM_HEADER_BYTES);
  REQUIRE(f.check(kMiddle) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  munmap(pages, f.segment.bytes());
}

TEST_CASE("a key that is blocked is denied until the word ends, and is told how long it lasts") {
  Fixture f;
  const rg_identity id = f.segment.identity(7, "");
  f.slot->identity.rule = rg_rule_with_number(id.rule, 100) | RG_RULE_IS_BLOCKED;
  Segment::put(f.slot, kEndMs - 300, 0, true, 1, 0, 60'000);
  REQUIRE(f.check(kMiddle) == RG_SHM_DECIDED);
  CHECK_FALSE(f.result.allowed);
  CHECK(f.result.blocked);
  CHECK(f.result.limit == 100);
  CHECK(f.result.remaining == 0);
  CHECK(f.result.retry_after_ms == 201 + 60'000);
  CHECK(f.check(kMiddle + 210 * kMs) == RG_SHM_MISS);  // it is over, and may be renewed

  // For good, as a rule for keys has it.
  f.slot->identity.rule = id.rule | RG_RULE_IS_BLOCKED;
  REQUIRE(f.check(kMiddle) == RG_SHM_DECIDED);
  CHECK(f.result.blocked);
  CHECK(f.result.limit == 0);
  CHECK(f.result.retry_after_ms == -1);
}

TEST_CASE("a cost that a key's own number never has room for is the daemon's to refuse") {
  Fixture f;
  Segment::hand_over(f.slot, f.segment.identity(7, ""), 40);
  Segment::put(f.slot, kEndMs, 5, true);
  CHECK(f.check(kMiddle, 0, 41) == RG_SHM_MISS);
  CHECK(f.check(kMiddle, 0, 40) == RG_SHM_DECIDED);
}
