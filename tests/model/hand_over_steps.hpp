// What a reader and the daemon do to a slot, step by step, in the library's order and in wrong
// ones. Both go through shm/word.h alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>

#include "tests/model/recorded_word.hpp"

namespace rategate::model {

// The pools of a slot, one after the other. Windows' ends tell whose permits a word holds: a word
// of pool A ends at 1 or 2, one of pool B at 3 or 4.
enum Pool : int64_t { kNobody = 0, kA = 1, kB = 2, kTornRule = 3, kTornKey = 4 };

// Two words of the identity differ between A and B. The other three are compared, never written.
inline rg_identity identity_of(Pool pool) {
  switch (pool) {
    case kNobody:
      return {0, {0, 0, 0, 0}};
    case kA:
      return {11, {21, 0, 0, 0}};
    case kB:
      return {12, {22, 0, 0, 0}};
    case kTornRule:  // in no slot at any time
      return {12, {21, 0, 0, 0}};
    case kTornKey:
      return {11, {22, 0, 0, 0}};
  }
  return {0, {0, 0, 0, 0}};
}

// The pool's slot, with these in its words.
using SharedSlot = std::shared_ptr<rg_slot>;
inline SharedSlot slot_of(Pool pool, uint64_t even, uint64_t odd = RG_WORD_VOID) {
  auto slot = std::make_shared<rg_slot>();
  slot->identity = identity_of(pool);
  slot->word[0] = even;
  slot->word[1] = odd;
  return slot;
}

inline Pool pool_of_end(int64_t end) { return end == 0 ? kNobody : end >= 3 ? kB : kA; }

// A check's result: {verdict, end of the window it was decided by}.
enum Verdict : int64_t { kMiss = 0, kAllowed = 1, kDenied = 2 };

enum class Reader { kRight, kIdentityAfterSwap, kNoSecondLook };

// client/check's steps on one word, with cost 1.
inline Result check(rg_slot& slot, size_t index, Pool wanted, int swaps,
                    Reader reader = Reader::kRight) {
  const rg_identity identity = identity_of(wanted);
  uint64_t seen = rg_word_load(&slot.word[index]);
  for (int i = 0; i < swaps; ++i) {
    if (rg_word_end_ms(seen) == 0) return {kMiss, 0};
    if (reader != Reader::kIdentityAfterSwap && !rg_slot_is(&slot, &identity)) return {kMiss, 0};
    const int64_t permits = rg_word_permits(seen);
    if (permits == 0) {
      if (!rg_word_exhausted(seen)) return {kMiss, 0};
      if (reader != Reader::kNoSecondLook && !rg_word_still(&slot.word[index], seen)) {
        return {kMiss, 0};
      }
      return {kDenied, rg_word_end_ms(seen)};
    }
    if (rg_word_swap(&slot.word[index], &seen, rg_word_with_permits(seen, permits - 1))) {
      if (reader == Reader::kIdentityAfterSwap && !rg_slot_is(&slot, &identity)) return {kMiss, 0};
      return {kAllowed, rg_word_end_ms(seen)};
    }
  }
  return {kMiss, 0};
}

// Gives the slot to another pool. Its words stay void.
inline void give_slot(rg_slot& slot, std::initializer_list<size_t> words_to_void, Pool pool) {
  for (const size_t word : words_to_void) rg_word_void(&slot.word[word]);
  rg_identity_begin();
  const rg_identity identity = identity_of(pool);
  rg_identity_store(&slot.identity.rule, identity.rule);
  rg_identity_store(&slot.identity.key[0], identity.key[0]);
}

// One more permit, unless the word changes at the same time or is not of that window. How many.
inline int64_t top_up(rg_slot& slot, size_t index, int64_t end) {
  uint64_t seen = rg_word_load(&slot.word[index]);
  if (rg_word_end_ms(seen) != end) return 0;
  const int64_t permits = rg_word_permits(seen) + 1;
  return rg_word_swap(&slot.word[index], &seen, rg_word_with_permits(seen, permits)) ? 1 : 0;
}

}  // namespace rategate::model
