#include "daemon/core/pool.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/core/segment_memory.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kAll = RG_WORD_MAX_PERMITS;

struct Shared {
  SegmentMemory memory{16};
  SharedPools table{memory.get(), 16, {}};
  Pool pool;
  PoolTally tally;
  Window window{2000, 3000};  // an even one
  std::uint32_t slot;

  Shared() : slot(table.take(1, "k", 0, 0, [](std::uint32_t) {})) {
    pool.move_to(slot, &table, tally);
  }
  std::uint64_t& word(int parity = 0) { return table.slot(slot).word[parity]; }
  // What a client does.
  void client_spends(std::int64_t permits) {
    std::uint64_t seen = rg_word_load(&word());
    REQUIRE(
        rg_word_swap(&word(), &seen, rg_word_with_permits(seen, rg_word_permits(seen) - permits)));
  }
  void reserve(std::int64_t permits, std::int64_t counter, std::int64_t chunk = kAll) {
    REQUIRE(pool.took(window, permits, counter, 100, false, &table, tally));
    pool.add(window, permits, chunk, &table, tally);
  }
};

}  // namespace

TEST_CASE("a pool is spent whole or not at all, and only in its window") {
  Pool pool;
  PoolTally tally;
  const Window window{2000, 3000};
  pool.took(window, 10, 10, 100, false, nullptr, tally);
  pool.add(window, 10, kAll, nullptr, tally);
  CHECK_FALSE(pool.take({3000, 4000}, 1, nullptr, tally));
  CHECK_FALSE(pool.take(window, 11, nullptr, tally));
  CHECK(pool.take(window, 7, nullptr, tally));
  CHECK(pool.held(window) == 3);
  CHECK(pool.left(window, 100) == 90);
}

TEST_CASE("what clients spent is what is missing") {
  Shared s;
  s.reserve(10, 10);
  CHECK(s.word() == rg_word_make(3000, 10, false));
  s.client_spends(4);
  s.pool.look(&s.table, s.tally);
  CHECK(s.tally.spent == 4);
  CHECK(s.pool.held(s.window) == 6);
  CHECK(s.pool.take(s.window, 6, &s.table, s.tally));
  CHECK_FALSE(s.pool.take(s.window, 1, &s.table, s.tally));
  CHECK(s.tally.forged == 0);
}

TEST_CASE("a word that holds what was never put there is voided") {
  const std::uint64_t forged[] = {
      rg_word_make(3000, 11, false),  // more permits
      rg_word_make(5000, 1, false),   // another window
      rg_word_make(1000, 1, true),    // a past one
      ~std::uint64_t{0},
  };
  for (const std::uint64_t word : forged) {
    Shared s;
    s.reserve(10, 10);
    s.word() = word;
    s.pool.look(&s.table, s.tally);
    CHECK(s.word() == RG_WORD_VOID);
    CHECK(s.tally.forged == 1);
    CHECK(s.pool.held(s.window) == 0);
    CHECK_FALSE(s.pool.take(s.window, 1, &s.table, s.tally));
  }
  Shared s;  // where nothing was ever put
  s.word(1) = rg_word_make(4000, 5, false);
  s.pool.look(&s.table, s.tally);
  CHECK(s.word(1) == RG_WORD_VOID);
  CHECK(s.tally.forged == 1);
}

TEST_CASE("a counter at the limit is shown as exhausted, one where a cost did not fit is not") {
  Shared s;
  s.reserve(0, 99);
  CHECK(s.pool.state(s.window) == Pool::State::Unknown);
  CHECK_FALSE(rg_word_exhausted(s.word()));
  s.reserve(1, 100);
  CHECK(s.pool.state(s.window) == Pool::State::Exhausted);
  CHECK(s.word() == rg_word_make(3000, 1, true));
  s.pool.doubt(s.window, &s.table, s.tally);
  CHECK(s.pool.state(s.window) == Pool::State::Unknown);
  CHECK(s.word() == rg_word_make(3000, 1, false));
}

TEST_CASE("exhausted is not shown while there is stock") {
  Shared s;
  s.reserve(10, 100, 4);
  CHECK(s.word() == rg_word_make(3000, 4, false));
  CHECK(s.pool.stock(s.window) == 6);
  s.client_spends(4);
  s.pool.look(&s.table, s.tally);
  s.pool.show(s.window, 6, &s.table, s.tally);
  CHECK(s.word() == rg_word_make(3000, 6, true));
}

TEST_CASE("only what was never shown is given back, and the counter may be lower by it then") {
  Shared s;
  s.reserve(10, 10, 4);
  CHECK(s.pool.take_stock(s.window) == 6);
  CHECK(s.pool.take_stock(s.window) == 0);
  CHECK(s.pool.held(s.window) == 4);
  CHECK(s.pool.took(s.window, 0, 4, 100, false, &s.table, s.tally));
}

TEST_CASE("a counter below what was taken was lost: void, and denied to the window's end") {
  Shared s;
  s.reserve(10, 10);
  CHECK_FALSE(s.pool.took(s.window, 1, 5, 100, false, &s.table, s.tally));
  CHECK(s.pool.state(s.window) == Pool::State::Lost);
  CHECK(s.word() == RG_WORD_VOID);
  CHECK(s.tally.stranded == 10);
  s.pool.add(s.window, 5, kAll, &s.table, s.tally);
  CHECK(s.word() == RG_WORD_VOID);
  CHECK(s.tally.stranded == 15);
}

TEST_CASE("the words of two windows are apart, and a window that is past gives way") {
  Shared s;
  s.reserve(10, 10);
  const Window odd{3000, 4000};
  s.pool.took(odd, 5, 5, 100, false, &s.table, s.tally);
  s.pool.add(odd, 5, kAll, &s.table, s.tally);
  CHECK(s.word(0) == rg_word_make(3000, 10, false));
  CHECK(s.word(1) == rg_word_make(4000, 5, false));
  const Window next{4000, 5000};
  s.pool.took(next, 3, 3, 100, false, &s.table, s.tally);
  s.pool.add(next, 3, kAll, &s.table, s.tally);
  CHECK(s.word(0) == rg_word_make(5000, 3, false));
  CHECK(s.tally.stranded == 10);
  s.pool.add(s.window, 8, kAll, &s.table, s.tally);  // comes too late
  CHECK(s.word(0) == rg_word_make(5000, 3, false));
  CHECK(s.tally.stranded == 18);
}

TEST_CASE("permits move into a slot, and none move out of one") {
  SegmentMemory memory(16);
  SharedPools table(memory.get(), 16, {});
  Pool pool;
  PoolTally tally;
  const Window window{2000, 3000};
  pool.took(window, 10, 10, 100, false, &table, tally);
  pool.add(window, 10, kAll, &table, tally);
  const std::uint32_t slot = table.take(1, "k", 0, 0, [](std::uint32_t) {});
  pool.move_to(slot, &table, tally);
  CHECK(table.slot(slot).word[0] == rg_word_make(3000, 10, false));
  CHECK(pool.held() == 10);
  pool.move_to(SharedPools::kNone, &table, tally);
  CHECK(table.slot(slot).word[0] == RG_WORD_VOID);
  CHECK(tally.stranded == 10);
  CHECK(pool.held() == 0);
}

TEST_CASE("a window that the slot's last owner had is not shown there again") {
  SegmentMemory memory(16);
  SharedPools table(memory.get(), 16, {});
  PoolTally tally;
  const Window past{2000, 3000};
  Pool first;
  const std::uint32_t slot = table.take(1, "a", 0, 0, [](std::uint32_t) {});
  first.move_to(slot, &table, tally);
  first.took(past, 5, 5, 100, false, &table, tally);
  first.add(past, 5, kAll, &table, tally);
  first.move_to(SharedPools::kNone, &table, tally);
  table.give_back(slot);

  Pool second;
  second.took(past, 5, 5, 100, false, &table, tally);
  second.add(past, 5, kAll, &table, tally);
  REQUIRE(table.take(1, "a", 1, 3000, [](std::uint32_t) {}) == slot);
  tally = PoolTally{};
  second.move_to(slot, &table, tally);
  CHECK(table.slot(slot).word[0] == RG_WORD_VOID);
  CHECK(tally.stranded == 5);
  CHECK(second.held() == 0);
}
