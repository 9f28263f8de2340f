// Pools of token buckets and sliding windows in the segment: two words that are open at once, and
// denials. docs/shared-memory.md, "Slices".
#include <memory>

#include "daemon/core/lease.hpp"
#include "daemon/core/pool.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/core/segment_memory.hpp"

using namespace rategate;

namespace {

// 100 permits at once, and 100 a second: slices of 62 ms, which begin at 16 ms.
Limit bucket_limit() {
  Limit limit = declared_limit("api", {100, 1000}, true);
  limit.algorithm = &kTokenBucket;
  limit.burst = 100;
  return limit;
}

struct SharedSlices {
  SegmentMemory memory{16};
  SharedPools table{memory.get(), 16, {}};
  Pool pool;
  Books books;
  LimitUse use{std::make_shared<const Limit>(bucket_limit())};
  Demand demand;
  std::uint64_t forged = 0;
  PoolBook book{&table, books, use, demand, nullptr, forged, Mono{0}};
  SlotId slot = table.take({1, "k", {0}, {0}}, 0, [](CounterId) {});
  Window first = slice_ending(use.slices, use.slices.slice_ms * 10);
  Window second = slice_ending(use.slices, use.slices.slice_ms * 11);

  SharedSlices() {
    books.reserved(1'000'000);
    pool.move_to(slot, book);
  }
  static StoreTime at_ms(std::int64_t ms) { return {ms * 1000}; }
  std::uint64_t word_of(const Window& slice) {
    return rg_word_load(&table.slot(slot).word[use.parity_of(slice)]);
  }
  void client_spends(const Window& slice, std::int64_t permits) {
    std::uint64_t seen = word_of(slice);
    const std::uint64_t next = rg_word_with_permits(seen, rg_word_permits(seen) - permits);
    REQUIRE(rg_word_swap(&table.slot(slot).word[use.parity_of(slice)], &seen, next));
  }
  bool denies(int parity, std::int64_t end_ms) {
    return rg_word_load(&table.slot(slot).word[parity]) == rg_word_make(end_ms, 0, true);
  }
};

}  // namespace

TEST_CASE("a cost that takes both slices is paid of what clients have left in them") {
  SharedSlices s;
  REQUIRE(s.pool.lease(s.first, 10, kMaxHeld, s.book));
  REQUIRE(s.pool.lease(s.second, 10, kMaxHeld, s.book));
  s.client_spends(s.first, 7);
  s.client_spends(s.second, 1);
  CHECK_FALSE(s.pool.take_beyond(SharedSlices::at_ms(s.first.start_ms), 13, s.book));
  CHECK(s.pool.take_beyond(SharedSlices::at_ms(s.first.start_ms), 11, s.book));
  CHECK(rg_word_permits(s.word_of(s.first)) == 0);
  CHECK(rg_word_permits(s.word_of(s.second)) == 1);
  CHECK(s.books.totals().spent == 11);
  CHECK(s.books.totals().spent_by_clients == 8);
  CHECK(s.pool.used(s.first) == 10);
  CHECK(s.pool.used(s.second) == 9);
  CHECK(s.forged == 0);
}

TEST_CASE("of a chunk that is shown the rest comes back, and what was shown never does") {
  SharedSlices s;
  REQUIRE(s.pool.lease(s.first, 10, 4, s.book));
  CHECK(rg_word_permits(s.word_of(s.first)) == 4);
  s.client_spends(s.first, 3);
  s.pool.look(s.book);
  s.pool.show_slices(SharedSlices::at_ms(s.first.start_ms), 4, s.book);
  CHECK(rg_word_permits(s.word_of(s.first)) == 4);
  const StoreTime over = SharedSlices::at_ms(s.first.end_ms);
  CHECK(s.pool.take_rest({over.us - 1}).permits == 0);
  const Pool::Rest rest = s.pool.take_rest(over);
  CHECK(rest.end_ms == s.first.end_ms);
  CHECK(rest.permits == 3);
  CHECK(s.pool.take_rest(over).permits == 0);
  CHECK(s.pool.close_slices(over, s.book).lost == 4);
}

TEST_CASE("a denial takes a word that is free, and ends with the first thing that is learned") {
  SharedSlices s;
  const StoreTime now = SharedSlices::at_ms(s.first.start_ms + 1);
  REQUIRE(s.pool.lease(s.first, 5, kMaxHeld, s.book));
  const int other = 1 - s.use.parity_of(s.first);
  const std::int64_t until_ms = s.first.start_ms + 12;
  s.pool.deny_until(until_ms, until_ms + 900, now, s.book);
  CHECK(s.denies(other, until_ms));
  // The first permit is there later than the word ends.
  CHECK(rg_hint_load(&s.table.slot(s.slot).left) == (RG_LEFT_IS_WAIT | 900));
  // It is no slice, and nothing of it is held, spent or lost.
  CHECK(s.pool.held_beyond(now) == 5);
  CHECK(s.pool.first_end_beyond(now) == s.first.end_ms);
  s.pool.end_denial(s.book);
  CHECK(rg_word_load(&s.table.slot(s.slot).word[other]) == RG_WORD_VOID);
  CHECK(rg_word_permits(s.word_of(s.first)) == 5);
  // Ends grow.
  s.pool.deny_until(until_ms, until_ms + 900, now, s.book);
  CHECK(rg_word_load(&s.table.slot(s.slot).word[other]) == RG_WORD_VOID);
  s.pool.deny_until(until_ms + 1, until_ms + 1 + 900, now, s.book);
  CHECK(s.denies(other, until_ms + 1));
  // A lease takes its place.
  REQUIRE(s.pool.lease(s.second, 5, kMaxHeld, s.book));
  CHECK(rg_word_permits(s.word_of(s.second)) == 5);
  CHECK_FALSE(rg_word_exhausted(s.word_of(s.second)));
  CHECK(s.books.totals().stranded == 0);
  CHECK(s.forged == 0);
}

TEST_CASE("no denial is there while permits are in the daemon's hand, or both words are slices") {
  SharedSlices s;
  const StoreTime now = SharedSlices::at_ms(s.first.start_ms + 1);
  REQUIRE(s.pool.lease(s.first, 5, kMaxHeld, s.book));
  const int other = 1 - s.use.parity_of(s.first);
  s.pool.deny_until(s.first.start_ms + 12, s.first.start_ms + 12 + 900, now, s.book);
  CHECK(s.denies(other, s.first.start_ms + 12));
  const Hand hand = s.pool.take_hand(s.first, s.book);
  CHECK(hand.permits() == 5);
  CHECK(rg_word_load(&s.table.slot(s.slot).word[other]) == RG_WORD_VOID);
  s.pool.put_back(s.first, hand, s.book);
  REQUIRE(s.pool.lease(s.second, 1, kMaxHeld, s.book));
  s.pool.deny_until(s.first.start_ms + 13, s.first.start_ms + 13 + 900, now, s.book);
  CHECK_FALSE(rg_word_exhausted(s.word_of(s.first)));
  CHECK_FALSE(rg_word_exhausted(s.word_of(s.second)));
}

TEST_CASE("a denial that lasts is not told again") {
  SharedSlices s;
  const StoreTime now = SharedSlices::at_ms(1000);
  s.pool.deny_until(1010, 1010 + 900, now, s.book);
  s.pool.deny_until(1012, 1012 + 900, now, s.book);
  CHECK((s.denies(0, 1010) || s.denies(1, 1010)));
  CHECK_FALSE((s.denies(0, 1012) || s.denies(1, 1012)));
  CHECK(s.pool.close_slices(SharedSlices::at_ms(1010), s.book).lost == 0);
  s.pool.deny_until(1020, 1020 + 900, SharedSlices::at_ms(1010), s.book);
  CHECK((s.denies(0, 1020) || s.denies(1, 1020)));
}

TEST_CASE("nobody is denied by clients of a pool that keeps some, or of a shadow limit") {
  SharedSlices s;
  const StoreTime now = SharedSlices::at_ms(s.first.start_ms + 1);
  REQUIRE(s.pool.lease(s.first, 5, 2, s.book));
  s.pool.deny_until(s.first.end_ms + 1, s.first.end_ms + 1 + 900, now, s.book);
  CHECK_FALSE(rg_word_exhausted(s.word_of(s.first)));
  Limit shadow = bucket_limit();
  shadow.shadow = true;
  s.use.limit = std::make_shared<const Limit>(shadow);
  s.pool.show_slices(now, 5, s.book);
  s.pool.deny_until(s.first.end_ms + 1, s.first.end_ms + 1 + 900, now, s.book);
  CHECK_FALSE(rg_word_exhausted(s.word_of(s.first)));
}

TEST_CASE("into a slice that was given up permits come again, and its word stays its own") {
  SharedSlices s;
  REQUIRE(s.pool.lease(s.first, 5, kMaxHeld, s.book));
  s.client_spends(s.first, 2);
  s.pool.give_up_slices(s.book);
  CHECK(s.word_of(s.first) == RG_WORD_VOID);
  CHECK(s.books.totals().stranded == 3);
  CHECK(s.pool.used(s.first) == 0);
  REQUIRE(s.pool.lease(s.first, 4, kMaxHeld, s.book));
  CHECK(rg_word_permits(s.word_of(s.first)) == 4);
  CHECK(s.books.totals().stranded == 3);
  // Where the word has had a later one, it is not.
  s.pool.give_up(s.book);
  CHECK_FALSE(s.pool.lease(s.first, 4, kMaxHeld, s.book));
}

TEST_CASE("a slice that says exhausted was forged") {
  SharedSlices s;
  REQUIRE(s.pool.lease(s.first, 5, kMaxHeld, s.book));
  std::uint64_t seen = s.word_of(s.first);
  REQUIRE(rg_word_swap(&s.table.slot(s.slot).word[s.use.parity_of(s.first)], &seen, seen | 1));
  s.pool.look(s.book);
  CHECK(s.forged == 1);
  CHECK(s.word_of(s.first) == RG_WORD_VOID);
}

TEST_CASE("what clients spend may be given back to the store, where that is so") {
  SharedSlices s;
  SpentLately lately;
  s.book.spent_lately = &lately;
  s.book.settle_within_us = 1'000'000;
  REQUIRE(s.pool.lease(s.first, 5, kMaxHeld, s.book));
  s.client_spends(s.first, 3);
  s.pool.look(s.book);
  CHECK(lately.take_back(5, s.book.now, 1'000'000) == 3);
}
