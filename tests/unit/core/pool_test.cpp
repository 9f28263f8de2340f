#include "daemon/core/pool.hpp"

#include <memory>

#include "daemon/core/lease.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/core/segment_memory.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kAll = RG_WORD_MAX_PERMITS;
const Limit kOfHundred = declared_limit("api", {100, 1000}, true);

// What a pool's movements are booked in. The books begin with permits that other pools hold.
struct Keeping {
  Books books;
  LimitUse use{std::make_shared<const Limit>(declared_limit("api", {100, 1000}, true))};
  Demand demand;
  std::uint64_t forged = 0;
  PoolBook book;

  explicit Keeping(SharedPools* shared)
      : book{shared, books, use, demand, nullptr, forged, Mono{0}} {
    books.reserved(1'000'000);
  }
};

struct Shared {
  SegmentMemory memory{16};
  SharedPools table{memory.get(), 16, {}};
  Pool pool;
  Keeping keeping{&table};
  Window window{2000, 3000};  // an even one
  SlotId slot;

  Shared() : slot(table.take({1, "k", {0}, {0}}, 0, [](CounterId) {})) {
    pool.move_to(slot, keeping.book);
  }
  std::uint64_t& word(int parity = 0) { return table.slot(slot).word[parity]; }
  // What a client does.
  void client_spends(std::int64_t permits) {
    std::uint64_t seen = rg_word_load(&word());
    REQUIRE(
        rg_word_swap(&word(), &seen, rg_word_with_permits(seen, rg_word_permits(seen) - permits)));
  }
  void reserve(std::int64_t permits, std::int64_t counter, std::int64_t chunk = kAll) {
    REQUIRE(pool.charged(window, permits, counter, kOfHundred, Pool::Below::Lost, keeping.book));
    pool.add(window, permits, chunk, keeping.book);
  }
};

// What is held of a bucket, in two slices.
struct InSlices {
  Pool pool;
  Keeping keeping{nullptr};
  Window first{2250, 2500};  // an odd one
  Window second{2500, 2750};

  InSlices(std::int64_t of_first, std::int64_t of_second) {
    pool.add(second, of_second, kAll, keeping.book);
    pool.add(first, of_first, kAll, keeping.book);
  }
  bool take(std::int64_t latest_us, std::int64_t cost) {
    return pool.take_beyond({latest_us}, cost, keeping.book);
  }
  void check_held(std::int64_t of_first, std::int64_t of_second) {
    CHECK(pool.held(first) == of_first);
    CHECK(pool.held(second) == of_second);
  }
};

}  // namespace

TEST_CASE("a pool is spent whole or not at all, and only in its window") {
  Pool pool;
  Keeping keeping{nullptr};
  const Window window{2000, 3000};
  CHECK(pool.charged(window, 10, 10, kOfHundred, Pool::Below::Lost, keeping.book));
  pool.add(window, 10, kAll, keeping.book);
  CHECK_FALSE(pool.take({3000, 4000}, 1, keeping.book));
  CHECK_FALSE(pool.take(window, 11, keeping.book));
  CHECK(pool.take(window, 7, keeping.book));
  CHECK(pool.held(window) == 3);
  CHECK(pool.left(window, 100) == 90);
}

TEST_CASE("what clients spent is what is missing") {
  Shared s;
  s.reserve(10, 10);
  CHECK(s.word() == rg_word_make(3000, 10, false));
  s.client_spends(4);
  s.pool.look(s.keeping.book);
  CHECK(s.keeping.books.totals().spent_by_clients == 4);
  CHECK(s.pool.held(s.window) == 6);
  CHECK(s.pool.take(s.window, 6, s.keeping.book));
  CHECK_FALSE(s.pool.take(s.window, 1, s.keeping.book));
  CHECK(s.keeping.forged == 0);
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
    s.keeping.book.note_demand(7);
    s.word() = word;
    s.pool.look(s.keeping.book);
    CHECK(s.word() == RG_WORD_VOID);
    CHECK(s.keeping.forged == 1);
    CHECK(s.keeping.books.totals().stranded == 10);
    CHECK(s.keeping.demand.lately(Mono{0}, 1'000'000) == 0);
    CHECK(s.pool.held(s.window) == 0);
    CHECK_FALSE(s.pool.take(s.window, 1, s.keeping.book));
  }
  Shared s;  // where nothing was ever put
  s.word(1) = rg_word_make(4000, 5, false);
  s.pool.look(s.keeping.book);
  CHECK(s.word(1) == RG_WORD_VOID);
  CHECK(s.keeping.forged == 1);
}

TEST_CASE("a counter at the limit is shown as exhausted, one where a cost did not fit is not") {
  Shared s;
  s.reserve(0, 99);
  CHECK(s.pool.state(s.window) == Pool::State::Unknown);
  CHECK_FALSE(rg_word_exhausted(s.word()));
  s.reserve(1, 100);
  CHECK(s.pool.state(s.window) == Pool::State::Exhausted);
  CHECK(s.word() == rg_word_make(3000, 1, true));
  s.pool.doubt(s.window, s.keeping.book);
  CHECK(s.pool.state(s.window) == Pool::State::Unknown);
  CHECK(s.word() == rg_word_make(3000, 1, false));
}

TEST_CASE("exhausted is not shown while there is stock") {
  Shared s;
  s.reserve(10, 100, 4);
  CHECK(s.word() == rg_word_make(3000, 4, false));
  CHECK(s.pool.stock(s.window) == 6);
  s.client_spends(4);
  s.pool.look(s.keeping.book);
  s.pool.show(s.window, 6, s.keeping.book);
  CHECK(s.word() == rg_word_make(3000, 6, true));
}

TEST_CASE(
    "what is in hand is nobody else's, and comes back before the counter is said to be used up") {
  Shared s;
  s.reserve(10, 90, 4);
  s.client_spends(1);
  const Hand hand = s.pool.take_hand(s.window, s.keeping.book);
  CHECK(hand.shown == 3);
  CHECK(hand.stock == 6);
  CHECK(s.pool.held(s.window) == 0);
  CHECK(s.word() == rg_word_make(3000, 0, false));  // clients ask the daemon
  CHECK(s.keeping.books.totals().spent_by_clients == 1);

  REQUIRE(s.pool.charged(s.window, 10, 100, kOfHundred, Pool::Below::Lost, s.keeping.book));
  CHECK_FALSE(rg_word_exhausted(s.word()));
  s.pool.put_back(s.window, hand.without(1), s.keeping.book);
  CHECK(s.word() == rg_word_make(3000, 2, false));  // there is stock behind it
  CHECK(s.pool.stock(s.window) == 6);
  s.pool.show(s.window, 8, s.keeping.book);
  CHECK(s.word() == rg_word_make(3000, 8, true));
}

TEST_CASE("a forged word is not taken in hand") {
  Shared s;
  s.reserve(10, 10);
  s.word() = rg_word_make(3000, 11, false);
  CHECK(s.pool.take_hand(s.window, s.keeping.book).permits() == 0);
  CHECK(s.word() == RG_WORD_VOID);
  CHECK(s.keeping.forged == 1);
}

TEST_CASE("what was in hand of a window that is past is stranded") {
  Shared s;
  s.reserve(10, 10);
  const Hand hand = s.pool.take_hand(s.window, s.keeping.book);
  const Window next{4000, 5000};
  REQUIRE(s.pool.charged(next, 1, 1, kOfHundred, Pool::Below::Lost, s.keeping.book));
  s.pool.put_back(s.window, hand, s.keeping.book);
  CHECK(s.pool.held(s.window) == 0);
  CHECK(s.keeping.books.totals().stranded == 10);
}

TEST_CASE("only what was never shown is given back, and the counter may be lower by it then") {
  Shared s;
  s.reserve(10, 10, 4);
  CHECK(s.pool.take_stock(s.window) == 6);
  CHECK(s.pool.take_stock(s.window) == 0);
  CHECK(s.pool.held(s.window) == 4);
  CHECK(s.pool.charged(s.window, 0, 4, kOfHundred, Pool::Below::Lost, s.keeping.book));
}

TEST_CASE("a counter below what was taken was lost: what was held of it is void") {
  Shared s;
  s.reserve(10, 10);
  CHECK_FALSE(s.pool.charged(s.window, 1, 5, kOfHundred, Pool::Below::Lost, s.keeping.book));
  CHECK(s.pool.held(s.window) == 0);
  CHECK(s.word() == RG_WORD_VOID);
  CHECK(s.keeping.books.totals().stranded == 10);
  s.pool.add(s.window, 5, kAll, s.keeping.book);
  CHECK(s.word() == RG_WORD_VOID);
  CHECK(s.keeping.books.totals().stranded == 15);
}

TEST_CASE("a pool holds no more than any limit has, whatever a store grants") {
  Pool pool;
  Keeping keeping{nullptr};
  keeping.books.reserved(4 * kMaxPermits);
  const Window window{2000, 3000};
  for (int i = 0; i < 4; ++i) pool.add(window, kMaxPermits, 16, keeping.book);
  CHECK(pool.held(window) <= kMaxPermits + 16);
  const auto& totals = keeping.books.totals();
  CHECK(totals.held == 1'000'000 + pool.held(window));
  CHECK(totals.stranded == 4 * kMaxPermits - pool.held(window));
  CHECK(pool.take(window, kMaxPermits, keeping.book) == false);  // a word has no room for as many
}

TEST_CASE("what is left of a window that is still to open is not told for the open one") {
  Shared shared;
  shared.reserve(10, 40);
  CHECK(shared.table.slot(shared.slot).left == 60);
  shared.keeping.book.ahead = true;
  shared.window = {3000, 4000};
  shared.reserve(5, 5);
  CHECK(shared.table.slot(shared.slot).left == 60);
  shared.keeping.book.ahead = false;
  shared.reserve(5, 10);
  CHECK(shared.table.slot(shared.slot).left == 90);
}

TEST_CASE("the words of two windows are apart, and a window that is past gives way") {
  Shared s;
  s.reserve(10, 10);
  const Window odd{3000, 4000};
  CHECK(s.pool.charged(odd, 5, 5, kOfHundred, Pool::Below::Lost, s.keeping.book));
  s.pool.add(odd, 5, kAll, s.keeping.book);
  CHECK(s.word(0) == rg_word_make(3000, 10, false));
  CHECK(s.word(1) == rg_word_make(4000, 5, false));
  const Window next{4000, 5000};
  CHECK(s.pool.charged(next, 3, 3, kOfHundred, Pool::Below::Lost, s.keeping.book));
  s.pool.add(next, 3, kAll, s.keeping.book);
  CHECK(s.word(0) == rg_word_make(5000, 3, false));
  CHECK(s.keeping.books.totals().stranded == 10);
  s.pool.add(s.window, 8, kAll, s.keeping.book);  // comes too late
  CHECK(s.word(0) == rg_word_make(5000, 3, false));
  CHECK(s.keeping.books.totals().stranded == 18);
}

TEST_CASE("permits move into a slot, and none move out of one") {
  SegmentMemory memory(16);
  SharedPools table(memory.get(), 16, {});
  Pool pool;
  Keeping keeping{&table};
  const Window window{2000, 3000};
  CHECK(pool.charged(window, 10, 10, kOfHundred, Pool::Below::Lost, keeping.book));
  pool.add(window, 10, kAll, keeping.book);
  const SlotId slot = table.take({1, "k", {0}, {0}}, 0, [](CounterId) {});
  pool.move_to(slot, keeping.book);
  CHECK(table.slot(slot).word[0] == rg_word_make(3000, 10, false));
  CHECK(pool.held() == 10);
  pool.move_to(SlotId{}, keeping.book);
  CHECK(table.slot(slot).word[0] == RG_WORD_VOID);
  CHECK(keeping.books.totals().stranded == 10);
  CHECK(pool.held() == 0);
}

TEST_CASE("a window that the slot's last owner had is not shown there again") {
  SegmentMemory memory(16);
  SharedPools table(memory.get(), 16, {});
  Keeping keeping{&table};
  const Window past{2000, 3000};
  Pool first;
  const SlotId slot = table.take({1, "a", {0}, {0}}, 0, [](CounterId) {});
  first.move_to(slot, keeping.book);
  CHECK(first.charged(past, 5, 5, kOfHundred, Pool::Below::Lost, keeping.book));
  first.add(past, 5, kAll, keeping.book);
  first.move_to(SlotId{}, keeping.book);
  table.give_back(slot);

  Pool second;
  CHECK(second.charged(past, 5, 5, kOfHundred, Pool::Below::Lost, keeping.book));
  second.add(past, 5, kAll, keeping.book);
  REQUIRE(table.take({1, "a", {0}, {1}}, 3000, [](CounterId) {}) == slot);
  const std::int64_t before = keeping.books.totals().stranded;
  second.move_to(slot, keeping.book);
  CHECK(table.slot(slot).word[0] == RG_WORD_VOID);
  CHECK(keeping.books.totals().stranded - before == 5);
  CHECK(second.held() == 0);
}

TEST_CASE("of two slices the one that ends first is spent first") {
  InSlices held(10, 20);
  CHECK(held.take(2'300'000, 4));
  held.check_held(6, 20);
  CHECK(held.take(2'300'000, 6));
  held.check_held(0, 20);
  CHECK(held.take(2'300'000, 1));
  held.check_held(0, 19);
  CHECK(held.keeping.books.totals().spent == 11);
}

TEST_CASE("a cost that needs both slices takes from both, and one that needs more takes nothing") {
  InSlices held(10, 20);
  CHECK_FALSE(held.take(2'300'000, 31));
  held.check_held(10, 20);
  CHECK(held.keeping.books.totals().spent == 0);
  CHECK(held.take(2'300'000, 25));
  held.check_held(0, 5);
  CHECK(held.take(2'300'000, 5));
  CHECK_FALSE(held.take(2'300'000, 1));
  CHECK(held.keeping.books.totals().spent == 30);
}

TEST_CASE("a slice that may be over is not spent") {
  InSlices held(10, 20);
  CHECK(held.take(2'499'999, 1));
  held.check_held(9, 20);
  CHECK(held.take(2'500'000, 1));
  held.check_held(9, 19);
  CHECK_FALSE(held.take(2'500'000, 20));
  CHECK(held.take(2'749'999, 1));
  CHECK_FALSE(held.take(2'750'000, 1));
  held.check_held(9, 18);
}

TEST_CASE("what is held of slices is counted until each of them ends") {
  InSlices held(10, 20);
  CHECK(held.pool.held_beyond({2'499'999}) == 30);
  CHECK(held.pool.held_beyond({2'500'000}) == 20);
  CHECK(held.pool.held_beyond({2'749'999}) == 20);
  CHECK(held.pool.held_beyond({2'750'000}) == 0);
  CHECK(Pool().held_beyond({0}) == 0);
}

TEST_CASE("the first end is that of the first slice of which something is held") {
  InSlices held(10, 20);
  CHECK(held.pool.first_end_beyond({2'499'999}) == 2500);
  CHECK(held.pool.first_end_beyond({2'500'000}) == 2750);
  CHECK(held.pool.first_end_beyond({2'750'000}) == 0);
  REQUIRE(held.take(2'300'000, 10));
  CHECK(held.pool.first_end_beyond({2'300'000}) == 2750);
  CHECK(Pool().first_end_beyond({0}) == 0);
}

TEST_CASE("the next lease of a slice's word strands what was not spent of the one before") {
  InSlices held(10, 20);
  held.pool.add({2750, 3000}, 5, kAll, held.keeping.book);
  CHECK(held.pool.held(held.first) == 0);
  CHECK(held.pool.held_beyond({2'600'000}) == 25);
  CHECK(held.keeping.books.totals().stranded == 10);
}

TEST_CASE("of slices that are over it is known how much was leased, and lost") {
  InSlices held(0, 0);
  REQUIRE(held.pool.lease(held.first, 10, kMaxHeld, held.keeping.book));
  REQUIRE(held.pool.lease(held.first, 6, kMaxHeld, held.keeping.book));
  REQUIRE(held.take(2'300'000, 3));
  CHECK(held.pool.close_slices({2'499'999}, held.keeping.book).leased == 0);
  const Pool::Over over = held.pool.close_slices({2'500'000}, held.keeping.book);
  CHECK(over.leased == 16);
  CHECK(over.lost == 13);
  CHECK(held.keeping.books.totals().stranded == 13);
  CHECK(held.pool.held() == 0);
}

TEST_CASE("permits that clients put back are there again, and no more than they have spent") {
  Shared s;
  s.reserve(10, 10);
  s.client_spends(7);
  s.pool.look(s.keeping.book);
  CHECK(s.pool.held(s.window) == 3);
  CHECK(s.keeping.use.tally->shared == 7);
  s.client_spends(-5);
  s.pool.look(s.keeping.book);
  CHECK(s.pool.held(s.window) == 8);
  CHECK(s.keeping.books.totals().spent_by_clients == 7);
  CHECK(s.keeping.books.totals().put_back == 5);
  CHECK(s.keeping.use.tally->shared == 7);  // it never falls
  s.client_spends(6);
  s.pool.look(s.keeping.book);
  CHECK(s.keeping.use.tally->shared == 8);  // 13, of which 5 came back
  CHECK(s.keeping.forged == 0);
  s.client_spends(-9);  // 8 were spent
  s.pool.look(s.keeping.book);
  CHECK(s.keeping.forged == 1);
  CHECK(s.word() == RG_WORD_VOID);
}

TEST_CASE(
    "what comes back until the next window takes the word is not forged, nor comes after it") {
  Shared s;
  s.reserve(10, 10);
  s.client_spends(7);
  s.pool.look(s.keeping.book);
  s.client_spends(-7);
  s.window = {4000, 5000};  // an even one again
  s.reserve(10, 10);
  CHECK(s.keeping.forged == 0);
  CHECK(s.keeping.books.totals().put_back == 7);
  CHECK(s.table.spent_of(s.slot, 0) == 0);
  s.client_spends(-1);
  s.pool.look(s.keeping.book);
  CHECK(s.keeping.forged == 1);
}
