#include "daemon/core/pool.hpp"

#include <limits>
#include <utility>

#include "daemon/limit/limit.hpp"

namespace rategate {
namespace {
// The loops that swap a word which clients swap, too, end after so many tries: a client that does
// nothing else must not hold the daemon. What was not done is done another time.
constexpr int kTries = 64;

constexpr std::uint32_t kLeftMask = (std::uint32_t{1} << 30) - 1;
static_assert(kLeftMask >= kMaxPermits);

std::int32_t clipped(std::int64_t permits) {
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(permits, 0, std::numeric_limits<std::int32_t>::max()));
}
}  // namespace

// Judges a word that was read, and books what clients spent of it, or put back. What was never put
// there is voided, and the word is then void.
std::uint64_t Pool::look_at(int parity, std::uint64_t seen, PoolBook& book) {
  Part& part = part_[parity];
  const bool nothing_put = part.end_ms == 0 || (seen == RG_WORD_VOID && part.shown == 0);
  if (nothing_put && seen == RG_WORD_VOID) return seen;
  const std::int64_t permits = rg_word_permits(seen);
  const std::int64_t spent = part.shown - permits;
  // No slice says so.
  const bool denies = rg_word_exhausted(seen) && part.state != State::Exhausted;
  if (part.end_ms == 0 || rg_word_end_ms(seen) != part.end_ms ||
      -spent > book.shared->spent_of(slot_, parity) || (denies && !book.use.slices.none())) {
    rg_word_void(word(parity, book));
    book.vanished(part.shown);
    part.shown = 0;
    return RG_WORD_VOID;
  }
  if (spent < 0) {
    book.put_back_by_clients(-spent);
  } else {
    book.spent_by_clients(spent);
  }
  book.shared->note_spent(slot_, parity, spent);
  part.shown = clipped(permits);
  return seen;
}

// What is in the word is taken out of clients' reach, and booked.
void Pool::void_word(int parity, PoolBook& book) {
  if (is_shared()) look_at(parity, rg_word_void(word(parity, book)), book);
}

void Pool::look(PoolBook& book) {
  if (!is_shared()) return;
  for (const int parity : {0, 1}) {
    look_at(parity, rg_word_load(word(parity, book)), book);
  }
}

// The word is given up, and what was left of it with it.
void Pool::retire(int parity, PoolBook& book) {
  Part& part = part_[parity];
  if (part.end_ms != 0) {
    void_word(parity, book);
    book.stranded(part.shown + part.stock);
    if (is_shared()) book.shared->forget_spent(slot_, parity);
  }
  part = Part{};
}

Pool::Part* Pool::enter(const Window& window, PoolBook& book) {
  const int parity = book.use.parity_of(window);
  Part& part = part_[parity];
  if (part.end_ms > window.end_ms) return nullptr;
  if (part.end_ms < window.end_ms) {
    if (is_shared() && !book.shared->will_publish(slot_, parity, window.end_ms)) return nullptr;
    retire(parity, book);
    part.end_ms = window.end_ms;
  }
  return &part;
}

bool Pool::take(const Window& window, std::int64_t cost, PoolBook& book) {
  const int parity = index_of(window);
  if (parity < 0 || !take_from(parity, cost, book)) return false;
  book.books.spent(cost);
  return true;
}

Pool::Over Pool::close_slices(StoreTime latest, PoolBook& book) {
  Over over;
  for (const int parity : {0, 1}) {
    const Part& part = part_[parity];
    if (part.end_ms == 0 || part.end_ms * 1000 > latest.us) continue;
    over.leased += part.taken;
    over.lost += part.shown + part.stock;
    retire(parity, book);
  }
  return over;
}

Pool::Rest Pool::take_rest(StoreTime latest) {
  for (Part& part : part_) {
    // A client may have forged what was shown.
    if (part.end_ms * 1000 > latest.us) continue;
    std::int64_t permits = std::exchange(part.stock, 0);
    if (!is_shared()) permits += std::exchange(part.shown, 0);
    if (permits > 0) return {part.end_ms, permits};
  }
  return {};
}

bool Pool::lease(const Window& slice, std::int64_t permits, std::int64_t chunk, PoolBook& book) {
  end_denial(book);
  if (enter(slice, book) == nullptr) return false;
  add(slice, permits, chunk, book);
  Part* const part = find(slice);
  if (part != nullptr) part->taken = clipped(part->taken + permits);
  return true;
}

bool Pool::take_beyond(StoreTime latest, std::int64_t cost, PoolBook& book) {
  look(book);
  const int first = part_[0].end_ms < part_[1].end_ms ? 0 : 1;
  const auto held = [&](int parity) -> std::int64_t {
    const Part& part = part_[parity];
    return part.end_ms * 1000 > latest.us ? part.shown + part.stock : 0;
  };
  if (held(first) + held(1 - first) < cost) return false;
  const std::int64_t of_first = std::min(cost, held(first));
  if (!take_from(first, of_first, book)) return false;
  if (!take_from(1 - first, cost - of_first, book)) {
    // Clients were faster.
    put_into(first, {of_first, 0}, book);
    return false;
  }
  book.books.spent(cost);
  return true;
}

void Pool::show_slices(StoreTime latest, std::int64_t chunk, PoolBook& book) {
  for (const int parity : {0, 1}) {
    const Part& part = part_[parity];
    const bool good = part.end_ms * 1000 > latest.us;
    if (good && part.stock > 0 && part.shown < chunk) {
      show_part(parity, chunk - part.shown, book);
    }
  }
}

void Pool::deny_until(std::int64_t until_ms, std::int64_t first_permit_ms, StoreTime now,
                      PoolBook& book) {
  if (!is_shared() || book.use.limit->shadow || until_ms > RG_WORD_MAX_END_MS) return;
  // What clients are not shown the daemon would give them.
  if (part_[0].stock + part_[1].stock > 0) return;
  for (const Part& part : part_) {
    if (part.state == State::Exhausted && part.end_ms * 1000 > now.us) return;
  }
  // What is over has left the pool by now.
  for (const int parity : {0, 1}) {
    Part& part = part_[parity];
    if (part.end_ms != 0 || !book.shared->will_publish(slot_, parity, until_ms)) continue;
    part.end_ms = until_ms;
    part.state = State::Exhausted;
    const std::int64_t wait_ms = std::clamp<std::int64_t>(first_permit_ms - until_ms, 0, kLeftMask);
    part.left = static_cast<std::uint32_t>(wait_ms) & kLeftMask;
    // Before the word that it is of: who finds that finds this, or what came after.
    tell_left(parity, book);
    show_part(parity, 0, book);
    return;
  }
}

// Of slices no other part is in that state.
void Pool::end_denial(PoolBook& book) {
  for (const int parity : {0, 1}) {
    if (is_denial(part_[parity], book)) retire(parity, book);
  }
}

void Pool::tell_left(std::int64_t permits, PoolBook& book) {
  for (const int parity : {0, 1}) {
    if (is_denial(part_[parity], book)) continue;
    part_[parity].left =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(permits, 0, kMaxPermits)) & kLeftMask;
  }
  // That of one of them stands for both.
  tell_left(part_[0].end_ms > part_[1].end_ms ? 0 : 1, book);
}

// All of it or nothing; it is not booked yet.
bool Pool::take_from(int parity, std::int64_t cost, PoolBook& book) {
  if (cost == 0) return true;
  Part& part = part_[parity];
  if (part.shown + part.stock < cost) return false;
  if (part.shown < cost && part.stock > 0) show_part(parity, cost - part.shown, book);
  if (!is_shared()) {
    if (part.shown < cost) return false;
    part.shown -= static_cast<std::int32_t>(cost);
    return true;
  }
  std::uint64_t* at = word(parity, book);
  std::uint64_t seen = rg_word_load(at);
  for (int i = 0; i < kTries; ++i) {
    seen = look_at(parity, seen, book);
    const std::int64_t permits = rg_word_permits(seen);
    if (seen == RG_WORD_VOID || permits < cost) return false;
    if (rg_word_swap(at, &seen, rg_word_with_permits(seen, permits - cost))) {
      part.shown -= static_cast<std::int32_t>(cost);
      return true;
    }
  }
  return false;
}

bool Pool::charged(const Window& window, std::int64_t charged, std::int64_t counter,
                   const Limit& limit, Below below, PoolBook& book) {
  Part* part = enter(window, book);
  if (part == nullptr) return true;  // of a window that is past: it is all the same
  part->taken = clipped(part->taken + charged);
  if (counter < part->taken) {
    if (below == Below::Lost) {
      retire(index_of(window), book);
      return false;
    }
    part->taken = clipped(charged);
  }
  const Standing standing = limit.algorithm->standing(counter, limit.permits);
  // A counter that was lost, of a limit that fails open, begins anew: with what is held there would
  // be more than the limit.
  const std::int64_t rest =
      std::max<std::int64_t>(0, limit.permits - part->shown - part->stock - charged);
  part->left = static_cast<std::uint32_t>(std::min(standing.left, rest)) & kLeftMask;
  if (standing.exhausted) part->state = State::Exhausted;
  tell_left(index_of(window), book);
  return true;
}

// What clients reckon `remaining` by: what is left in the counter, and what they are not shown yet.
void Pool::tell_left(int parity, PoolBook& book) {
  if (!is_shared() || book.ahead) return;
  const Part& part = part_[parity];
  const std::uint32_t left = is_denial(part, book)
                                 ? RG_LEFT_IS_WAIT | part.left
                                 : part.left + static_cast<std::uint32_t>(part.stock);
  rg_hint_store(&book.shared->slot(slot_).left, left);
}

bool Pool::is_denial(const Part& part, const PoolBook& book) {
  return part.state == State::Exhausted && !book.use.slices.none();
}

void Pool::add(const Window& window, std::int64_t permits, std::int64_t chunk, PoolBook& book) {
  Part* part = enter(window, book);
  if (part == nullptr) {
    book.stranded(permits);
    return;
  }
  stow(*part, permits, book);
  if (part->shown < chunk) show_part(index_of(window), chunk - part->shown, book);
}

// More than any limit has comes together only where a store has lost what it granted before, again
// and again, and is worth nothing.
void Pool::stow(Part& part, std::int64_t permits, PoolBook& book) {
  const std::int64_t room = kMaxPermits - part.stock;
  part.stock += static_cast<std::int32_t>(std::min(permits, room));
  book.stranded(std::max<std::int64_t>(0, permits - room));
}

Hand Pool::take_hand(const Window& window, PoolBook& book) {
  const int parity = index_of(window);
  if (parity < 0) return {};
  end_denial(book);
  Part& part = part_[parity];
  if (is_shared() && !empty_word(parity, book)) return {};
  return {std::exchange(part.shown, 0), std::exchange(part.stock, 0)};
}

// Takes the permits out of the word, which stays the window's. What they were is in the book.
bool Pool::empty_word(int parity, PoolBook& book) {
  std::uint64_t* at = word(parity, book);
  std::uint64_t seen = rg_word_load(at);
  for (int i = 0; i < kTries; ++i) {
    seen = look_at(parity, seen, book);
    if (seen == RG_WORD_VOID) return true;
    const std::uint64_t next = rg_word_make(part_[parity].end_ms, 0, false);
    if (seen == next || rg_word_swap(at, &seen, next)) return true;
  }
  return false;
}

void Pool::put_back(const Window& window, const Hand& hand, PoolBook& book) {
  if (hand.permits() == 0) return;
  end_denial(book);
  if (enter(window, book) == nullptr) {
    book.stranded(hand.permits());
    return;
  }
  put_into(index_of(window), hand, book);
}

void Pool::put_into(int parity, const Hand& hand, PoolBook& book) {
  Part& part = part_[parity];
  stow(part, hand.permits(), book);
  const std::int64_t not_shown = hand.shown - show_part(parity, hand.shown, book);
  // A client may have forged what was shown, so that it is never left to be given back.
  part.stock -= clipped(not_shown);
  book.stranded(not_shown);
}

void Pool::show(const Window& window, std::int64_t chunk, PoolBook& book) {
  const Part* part = find(window);
  if (part == nullptr) return;
  show_part(index_of(window), std::max<std::int64_t>(0, chunk - part->shown), book);
}

// Moves up to `permits` of the stock into the word, and says how many; "exhausted" goes with it
// once there is no stock behind it.
std::int64_t Pool::show_part(int parity, std::int64_t permits, PoolBook& book) {
  Part& part = part_[parity];
  if (part.end_ms > RG_WORD_MAX_END_MS) return 0;
  if (!is_shared()) {
    const auto more = static_cast<std::int32_t>(
        std::min<std::int64_t>({permits, part.stock, RG_WORD_MAX_PERMITS - part.shown}));
    part.shown += more;
    part.stock -= more;
    return more;
  }
  std::uint64_t* at = word(parity, book);
  std::uint64_t seen = rg_word_load(at);
  for (int i = 0; i < kTries; ++i) {
    seen = look_at(parity, seen, book);
    const std::int64_t more =
        std::min<std::int64_t>({permits, part.stock, RG_WORD_MAX_PERMITS - part.shown});
    // Of a shadow limit clients are to ask: they would deny.
    const bool exhausted =
        part.state == State::Exhausted && part.stock == more && !book.use.limit->shadow;
    const std::uint64_t next = rg_word_make(part.end_ms, part.shown + more, exhausted);
    if (next == seen) return 0;
    if (seen == RG_WORD_VOID) {
      // Nobody swaps a void word: no need to.
      rg_word_publish(at, next);
    } else if (!rg_word_swap(at, &seen, next)) {
      continue;
    }
    part.shown += static_cast<std::int32_t>(more);
    part.stock -= static_cast<std::int32_t>(more);
    tell_left(parity, book);
    return more;
  }
  return 0;
}

void Pool::doubt(const Window& window, PoolBook& book) {
  Part* part = find(window);
  if (part == nullptr || part->state != State::Exhausted) return;
  part->state = State::Unknown;
  show_part(index_of(window), 0, book);
}

std::int64_t Pool::take_stock(const Window& window) {
  Part* part = find(window);
  if (part == nullptr) return 0;
  const std::int64_t stock = part->stock;
  if (stock > 0) part->state = State::Unknown;  // the counter will have as many again
  part->left = (part->left + static_cast<std::uint32_t>(stock)) & kLeftMask;
  part->stock = 0;
  part->taken -=
      static_cast<std::int32_t>(stock);  // from now on the counter may be lower by so much
  return stock;
}

void Pool::uncharge(const Window& window, std::int64_t permits, PoolBook& book) {
  Part* part = find(window);
  if (part == nullptr) return;
  part->taken -= static_cast<std::int32_t>(permits);
  part->left = (part->left + static_cast<std::uint32_t>(permits)) & kLeftMask;
  part->state = State::Unknown;
  show_part(index_of(window), 0, book);
}

void Pool::give_up(PoolBook& book) {
  for (const int parity : {0, 1}) retire(parity, book);
}

void Pool::give_up_slices(PoolBook& book) {
  end_denial(book);
  for (const int parity : {0, 1}) {
    Part& part = part_[parity];
    if (part.end_ms == 0) continue;
    void_word(parity, book);
    book.stranded(part.shown + part.stock);
    part.shown = part.stock = part.taken = 0;
  }
}

void Pool::give_up(const Window& window, PoolBook& book) {
  const int parity = index_of(window);
  if (parity < 0) return;
  Part& part = part_[parity];
  void_word(parity, book);
  book.stranded(part.shown + part.stock);
  part.shown = part.stock = 0;
}

void Pool::begin_anew(const Window& window, const Limit& limit, PoolBook& book) {
  Part* const part = find(window);
  if (part == nullptr) return;
  part->taken = 0;
  part->left = static_cast<std::uint32_t>(limit.permits) & kLeftMask;
  part->state = State::Unknown;
  show_part(index_of(window), 0, book);
}

void Pool::lose(PoolBook& book) {
  for (const int parity : {0, 1}) {
    Part& part = part_[parity];
    if (part.end_ms == 0) continue;
    void_word(parity, book);
    book.stranded(part.shown + part.stock);
    part.shown = part.stock = 0;
    part.state = State::Unknown;
    part.recounted = false;
  }
}

void Pool::recounted(const Window& window, std::int64_t counter, const Limit& limit,
                     PoolBook& book) {
  Part* part = enter(window, book);
  if (part == nullptr) return;  // of a window that is past
  const Standing standing = limit.algorithm->standing(counter, limit.permits);
  part->taken = clipped(std::min<std::int64_t>(part->taken, counter));
  part->left = static_cast<std::uint32_t>(standing.left) & kLeftMask;
  part->state = standing.exhausted ? State::Exhausted : State::Unknown;
  part->recounted = true;
  show_part(index_of(window), 0, book);
}

void Pool::move_to(SlotId slot, PoolBook& book) {
  if (slot == slot_) return;
  std::int32_t shown[2] = {0, 0};
  for (const int parity : {0, 1}) {
    if (part_[parity].end_ms == 0) continue;
    void_word(parity, book);
    shown[parity] = std::exchange(part_[parity].shown, 0);
    // Out of a shared word they are no stock: what a client may have forged is not given back.
    if (is_shared()) book.stranded(std::exchange(shown[parity], 0));
  }
  slot_ = slot;
  for (const int parity : {0, 1}) {
    Part& part = part_[parity];
    if (part.end_ms == 0) continue;
    if (is_shared() && !book.shared->will_publish(slot_, parity, part.end_ms)) {
      // Past, and it may look like what the slot's last owner had there: a client that was paused
      // since would take it for that.
      book.stranded(shown[parity] + part.stock);
      part = Part{};
      continue;
    }
    part.stock += shown[parity];
    show_part(parity, shown[parity], book);
  }
  if (is_shared()) {
    rg_hint_store(&book.shared->slot(slot_).low_water, static_cast<std::uint32_t>(low_water_));
  }
}

void Pool::set_low_water(std::int64_t permits, PoolBook& book) {
  low_water_ = clipped(permits);
  if (is_shared()) {
    rg_hint_store(&book.shared->slot(slot_).low_water, static_cast<std::uint32_t>(low_water_));
  }
}

}  // namespace rategate
