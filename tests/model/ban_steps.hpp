// What a reader who is denied and a daemon that shows a ban do to a slot, step by step, in the
// library's order and in wrong ones. Both go through shm/word.h and shm/identity.h alone.
#pragma once

#include <cstdint>

#include "tests/model/hand_over_steps.hpp"

namespace rategate::model {

enum class BanReader { kRight, kBitAfterSecondLook, kRestAfterSecondLook, kNoSecondLook };

// A denial's result: {kDenied, end of the word, whether it says "blocked", the rest that it tells}.
// Whose number stands in `left` is told by the number: it is the pool's whose block it is of.
inline Result check_ban(rg_slot& slot, Pool wanted, BanReader reader = BanReader::kRight) {
  const rg_identity identity = identity_of(wanted);
  const uint64_t seen = rg_word_load(&slot.word[0]);
  if (!rg_word_exhausted(seen)) return {kMiss};
  if (!rg_slot_is(&slot, &identity)) return {kMiss};
  bool blocked = reader != BanReader::kBitAfterSecondLook && rg_is_blocked(&slot);
  uint32_t rest = reader != BanReader::kRestAfterSecondLook ? rg_hint_load(&slot.left) : 0;
  if (reader != BanReader::kNoSecondLook && !rg_word_still(&slot.word[0], seen)) return {kMiss};
  if (reader == BanReader::kBitAfterSecondLook) blocked = rg_is_blocked(&slot);
  if (reader == BanReader::kRestAfterSecondLook) rest = rg_hint_load(&slot.left);
  return {kDenied, rg_word_end_ms(seen), blocked ? 1 : 0, static_cast<int64_t>(rest)};
}

inline void write_identity(rg_slot& slot, Pool pool, uint64_t bit) {
  rg_identity_begin();
  const rg_identity identity = identity_of(pool);
  rg_identity_store(&slot.identity.rule, identity.rule | bit);
  rg_identity_store(&slot.identity.key[0], identity.key[0]);
  rg_hint_store(&slot.left, 0);
}

// Takes the slot for a ban, or for a pool: their words come after it. A pool has nothing left.
inline void hand_to_ban(rg_slot& slot, Pool pool) {
  rg_word_void(&slot.word[0]);
  write_identity(slot, pool, RG_RULE_IS_BLOCKED);
}
inline void hand_to_pool(rg_slot& slot, Pool pool) {
  rg_word_void(&slot.word[0]);
  write_identity(slot, pool, 0);
}

// Over a void word.
inline void show_ban(rg_slot& slot, Pool pool, int64_t end) {
  rg_hint_store(&slot.left, static_cast<uint32_t>(pool));
  rg_word_publish(&slot.word[0], rg_word_make(end, 0, true));
}

}  // namespace rategate::model
