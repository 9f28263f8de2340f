// What a reader of two words that are open at once does, and the daemon's hand. Both go through
// shm/word.h alone. Whether a slice is over is no matter of orders: here none is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tests/model/hand_over_steps.hpp"

namespace rategate::model {

enum class SliceReader { kRight, kNoSecondLook, kVoidNotLookedAt };

// The result: {verdict, end of the word that paid} or {denied, ends of both words}.
inline Result check_slices(rg_slot& slot, Pool wanted, int64_t cost,
                           SliceReader reader = SliceReader::kRight) {
  const rg_identity identity = identity_of(wanted);
  uint64_t seen[2] = {rg_word_load(&slot.word[0]), rg_word_load(&slot.word[1])};
  if (!rg_slot_is(&slot, &identity)) return {kMiss, 0};
  const int64_t end[2] = {rg_word_end_ms(seen[0]), rg_word_end_ms(seen[1])};
  const size_t first = end[0] == 0 || (end[1] != 0 && end[1] < end[0]) ? 1 : 0;
  for (const size_t from : {first, 1 - first}) {
    const int64_t permits = rg_word_permits(seen[from]);
    if (permits < cost) continue;
    const uint64_t next = rg_word_with_permits(seen[from], permits - cost);
    // Begun again where the swap is lost: another run of this reader.
    if (!rg_word_swap(&slot.word[from], &seen[from], next)) return {kMiss, 0};
    return {kAllowed, end[from]};
  }
  if (rg_word_permits(seen[0]) + rg_word_permits(seen[1]) >= cost) return {kMiss, 0};
  if (!rg_word_exhausted(seen[0]) && !rg_word_exhausted(seen[1])) return {kMiss, 0};
  for (const size_t word : {size_t{0}, size_t{1}}) {
    if (reader == SliceReader::kNoSecondLook) continue;
    if (reader == SliceReader::kVoidNotLookedAt && end[word] == 0) continue;
    if (!rg_word_still(&slot.word[word], seen[word])) return {kMiss, 0};
  }
  return {kDenied, end[0], end[1]};
}

// Takes the word's permits out of clients' reach, and "exhausted" with them, if it still is what
// was seen. How many. That both are told what they see keeps the runs few.
inline int64_t take_in_hand(rg_slot& slot, size_t index, uint64_t seen) {
  const int64_t permits = rg_word_permits(seen);
  const uint64_t next = rg_word_make(rg_word_end_ms(seen), 0, false);
  return rg_word_swap(&slot.word[index], &seen, next) ? permits : 0;
}

// Puts them back into the same end. How many could be.
inline int64_t put_back(rg_slot& slot, size_t index, int64_t end, int64_t permits) {
  if (permits == 0) return 0;
  uint64_t seen = rg_word_make(end, 0, false);
  return rg_word_swap(&slot.word[index], &seen, rg_word_with_permits(seen, permits)) ? permits : 0;
}

}  // namespace rategate::model
