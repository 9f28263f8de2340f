// What this host holds of one counter, for two windows at a time (even and odd ones): the permits
// it reserved and has not spent, and what it knows of the counter itself.
//
// Where the pool has a slot in the shared segment, the permits that may be spent at once lie in a
// word for each window there. Clients spend from it without asking, so the pool keeps a book of
// what was put there: what is missing was spent, and may be put back; what is more than that was
// forged, and is voided. Without a slot the book is all there is. docs/leases.md has the fields.
//
// Of a token bucket or a sliding window the same for two slices of time at a time, which may both
// be good: what is held of them is told by their ends alone. Where nothing is held, and the store
// has nothing either, a word may be that of a denial: it says so until it ends.
//
// One thread uses a pool; the words in a shared slot are used by any number of processes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "daemon/base/time.hpp"
#include "daemon/core/hand.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/core/pool_book.hpp"
#include "shm/word.h"

namespace rategate {

class Pool {
 public:
  enum class State : std::uint8_t {
    Unknown,    // the store may have more
    Exhausted,  // the counter has reached the limit
  };

  State state(const Window& window) const {
    const Part* part = find(window);
    return part == nullptr ? State::Unknown : part->state;
  }

  // Takes the cost out of what is held for the window: all of it or nothing. It is booked as spent.
  bool take(const Window& window, std::int64_t cost, PoolBook& book);

  // Of slices that are over: permits that were leased, and those of them that nobody has spent.
  struct Over {
    std::int64_t leased = 0;
    std::int64_t lost = 0;
  };
  // Those that end by `latest` leave the pool.
  Over close_slices(StoreTime latest, PoolBook& book);
  // What was not shown to clients of a slice, and nobody has spent, leaves the pool: of the first
  // that ends by `latest`; no permits: there is none.
  struct Rest {
    std::int64_t end_ms = 0;
    std::int64_t permits = 0;
  };
  Rest take_rest(StoreTime latest);
  // Permits that are good until the slice ends; at most `chunk` of them are shown at once.
  // False, and nothing is changed, where the word may not be that of the slice: one that ends as
  // late, or later, was there before.
  [[nodiscard]] bool lease(const Window& slice, std::int64_t permits, std::int64_t chunk,
                           PoolBook& book);
  // Shows more of what is kept of the slices that end after `latest`, up to `chunk` of each.
  void show_slices(StoreTime latest, std::int64_t chunk, PoolBook& book);
  // Nobody has anything before that moment, nor does the store: clients are told by a word of its
  // own, where one is free, and by how long after it the first permit is there. `now`: the latest
  // that it may be. See docs/shared-memory.md, "Slices".
  void deny_until(std::int64_t until_ms, std::int64_t first_permit_ms, StoreTime now,
                  PoolBook& book);
  // That is not so any more.
  void end_denial(PoolBook& book);
  // So many the store has left, for clients to reckon `remaining` by.
  void tell_left(std::int64_t permits, PoolBook& book);
  // The same of the slices that end after `latest`: from the one that ends first, then from the
  // other.
  bool take_beyond(StoreTime latest, std::int64_t cost, PoolBook& book);

  // What a counter that is lower than this host alone has charged means.
  enum class Below : std::uint8_t {
    Lost,     // permits that were given out are not counted any more
    Restart,  // the count begins again with this answer
  };
  // The store answered for the window: it has `charged` permits more to this host, and the counter
  // is that after them. False when the counter is below what this host alone was charged: what was
  // held for the window is voided, and nothing more may be given out in it (see LostWindows).
  // Nothing is changed where the window is older than one that is known. That the counter has
  // reached the limit is shown to nobody before show(), so that what comes back is there first.
  [[nodiscard]] bool charged(const Window& window, std::int64_t charged, std::int64_t counter,
                             const Limit& limit, Below below, PoolBook& book);
  // Of what was granted, what nobody waits for. At most `chunk` of it is shown at once.
  void add(const Window& window, std::int64_t permits, std::int64_t chunk, PoolBook& book);
  // All that is held for the window leaves the pool. Clients find nothing meanwhile, and nothing
  // that says "exhausted". Empty where clients left no moment to do it.
  Hand take_hand(const Window& window, PoolBook& book);
  // What is left of it comes back; where the window is past, it is stranded.
  void put_back(const Window& window, const Hand& hand, PoolBook& book);
  // Shows more of the stock, and whether the window is exhausted.
  void show(const Window& window, std::int64_t chunk, PoolBook& book);
  // Exhausted was long ago: other hosts may have given permits back.
  void doubt(const Window& window, PoolBook& book);

  // Looks at the shared words: what was spent there is booked.
  void look(PoolBook& book);

  // Of those that this host was charged in the window, or slice, and nobody holds now: they were
  // spent, as of the last look, or went to nobody.
  std::int64_t used(const Window& window) const {
    const Part* part = find(window);
    return part == nullptr ? 0 : std::max(0, part->taken - part->shown - part->stock);
  }
  // So many of those go back to the store: from now on the counter may be lower by them.
  void uncharge(const Window& window, std::int64_t permits, PoolBook& book);
  // Permits that were never shown, of the window: out of the pool, to be given back.
  std::int64_t take_stock(const Window& window);
  // Voids everything: what was held is stranded.
  void give_up(PoolBook& book);

  // These two, and lose(), keep the window or slice, so that permits may come into it again. A pool
  // that has a slot has to leave it then, where clients have spent of it: they may still put that
  // back.
  //
  // Of slices what is held is stranded, and so is what was shown.
  void give_up_slices(PoolBook& book);
  // What is held for the window is stranded; what is known of it is kept.
  void give_up(const Window& window, PoolBook& book);
  // The counter of the window holds nothing, as after the call above: nothing was taken of it.
  void begin_anew(const Window& window, const Limit& limit, PoolBook& book);

  // The counter of the window was cleared: it holds nothing that was taken before.
  void restart(const Window& window) {
    Part* const part = find(window);
    if (part != nullptr) part->taken = 0;
  }

  // The store has lost its count, and all hosts are to tell what they know of it: what is held is
  // stranded, what is known is kept.
  void lose(PoolBook& book);
  // The highest count that this host knows of: what it was told, or 0.
  std::int64_t known(const Window& window, std::int64_t limit) const {
    const Part* part = find(window);
    return part == nullptr ? 0 : std::max<std::int64_t>(limit - part->left, part->taken);
  }
  // So many this host was charged in the window, spent or not.
  std::int64_t taken(const Window& window) const {
    const Part* part = find(window);
    return part == nullptr ? 0 : part->taken;
  }
  // This host has told, and the counter is that now.
  void recounted(const Window& window, std::int64_t counter, const Limit& limit, PoolBook& book);
  void forget_recounts() { part_[0].recounted = part_[1].recounted = false; }
  bool is_recounted(const Window& window) const {
    const Part* part = find(window);
    return part != nullptr && part->recounted;
  }

  // The words move to the slot, or back (none).
  void move_to(SlotId slot, PoolBook& book);
  SlotId slot() const { return slot_; }
  void set_low_water(std::int64_t permits, PoolBook& book);
  std::int64_t low_water() const { return low_water_; }

  // Permits held for the window: shown (as of the last look) and stock.
  std::int64_t held(const Window& window) const {
    const Part* part = find(window);
    return part == nullptr ? 0 : part->shown + part->stock;
  }
  // What is held of the slices that end after that moment.
  std::int64_t held_beyond(StoreTime moment) const {
    std::int64_t permits = 0;
    for (const Part& part : part_) {
      if (part.end_ms * 1000 > moment.us) permits += part.shown + part.stock;
    }
    return permits;
  }
  // When the first of those ends of which something is held, in ms; 0: nothing is.
  std::int64_t first_end_beyond(StoreTime moment) const {
    std::int64_t end_ms = 0;
    for (const Part& part : part_) {
      const bool good = part.end_ms * 1000 > moment.us && part.shown + part.stock > 0;
      if (good && (end_ms == 0 || part.end_ms < end_ms)) end_ms = part.end_ms;
    }
    return end_ms;
  }
  std::int64_t stock(const Window& window) const {
    const Part* part = find(window);
    return part == nullptr ? 0 : part->stock;
  }
  // Permits left in the counter at the last answer for the window; an estimate, never a promise.
  std::int64_t left(const Window& window, std::int64_t limit) const {
    const Part* part = find(window);
    return part == nullptr ? limit : part->left;
  }
  // Both windows.
  std::int64_t held() const {
    return part_[0].shown + part_[0].stock + part_[1].shown + part_[1].stock;
  }
  // The last end of a window that is known, 0 for none.
  std::int64_t last_end_ms() const { return std::max(part_[0].end_ms, part_[1].end_ms); }

 private:
  struct Part {
    std::int64_t end_ms = 0;  // 0: of no window
    std::int32_t taken =
        0;  // charged to this host, as the counter must hold at least; of a slice: leased
    std::int32_t shown = 0;  // in the word, as far as is known
    std::int32_t stock = 0;
    std::uint32_t left : 30 = 0;  // at most 1e9, as limits are
    State state : 1 = State::Unknown;
    bool recounted : 1 = false;  // since the store lost its count, if it did
  };
  static_assert(sizeof(Part) == 24);

  bool take_from(int parity, std::int64_t cost, PoolBook& book);
  void put_into(int parity, const Hand& hand, PoolBook& book);
  // Which part is of the window, or -1. By its end: the parity takes a division, or more.
  int index_of(const Window& window) const {
    if (part_[0].end_ms == window.end_ms) return 0;
    return part_[1].end_ms == window.end_ms ? 1 : -1;
  }
  const Part* find(const Window& window) const {
    const int at = index_of(window);
    return at < 0 ? nullptr : &part_[at];
  }
  Part* find(const Window& window) {
    return const_cast<Part*>(static_cast<const Pool*>(this)->find(window));
  }
  Part* enter(const Window& window, PoolBook& book);
  std::uint64_t* word(int parity, PoolBook& book) const {
    return &book.shared->slot(slot_).word[parity];
  }
  bool is_shared() const { return !slot_.is_none(); }
  std::uint64_t look_at(int parity, std::uint64_t seen, PoolBook& book);
  void retire(int parity, PoolBook& book);
  bool empty_word(int parity, PoolBook& book);
  void void_word(int parity, PoolBook& book);
  std::int64_t show_part(int parity, std::int64_t permits, PoolBook& book);
  void tell_left(int parity, PoolBook& book);
  // It is no slice, but a denial: its `left` is by how many ms the first permit is later.
  static bool is_denial(const Part& part, const PoolBook& book);
  static void stow(Part& part, std::int64_t permits, PoolBook& book);

  Part part_[2];
  SlotId slot_;
  std::int32_t low_water_ = 0;
};

}  // namespace rategate
