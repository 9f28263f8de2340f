// What a client does that carries permits out of a word, because its check wants others as well: it
// puts them back, in the right way and in wrong ones. Through shm/word.h alone.
#pragma once

#include <cstdint>

#include "tests/model/hand_over_steps.hpp"

namespace rategate::model {

// What is carried: a permit of that pool, out of that word, of that end.
struct Carried {
  Pool pool;
  size_t word = 0;
  int64_t end = 0;
};

enum class PutBack { kRight, kEndNotCompared, kByStore };

// The end of what it was put into; 0: it is stranded.
inline int64_t put_back_one(rg_slot& slot, const Carried& carried, int swaps,
                            PutBack how = PutBack::kRight) {
  const rg_identity identity = identity_of(carried.pool);
  uint64_t* const word = &slot.word[carried.word];
  uint64_t seen = rg_word_load(word);
  for (int i = 0; i < swaps; ++i) {
    const int64_t end = rg_word_end_ms(seen);
    if (end == 0 || (end != carried.end && how != PutBack::kEndNotCompared)) return 0;
    if (!rg_slot_is(&slot, &identity)) return 0;
    const int64_t permits = rg_word_permits(seen) + 1;
    if (permits > RG_WORD_MAX_PERMITS) return 0;
    const uint64_t next = rg_word_with_permits(seen, permits);
    if (how == PutBack::kByStore) {
      rg_word_publish(word, next);
      return end;
    }
    if (rg_word_swap(word, &seen, next)) return end;
  }
  return 0;
}

}  // namespace rategate::model
