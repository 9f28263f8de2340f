/* The word that decides, and every atomic operation on shared memory that there is.
 *
 * A word is the end of a window (42 bits, ms of Redis time), permits (21 bits) and "exhausted" (1
 * bit); 0 is void. docs/shared-memory.md has the interleavings; each order below names the one it
 * prevents. `./dev model` checks these orders, and that none can be weaker.
 *
 * C11 and C++20 alike, hence the compiler's builtins: both languages' atomics are made of them, and
 * neither can name the other's types. */
#ifndef RATEGATE_SHM_WORD_H
#define RATEGATE_SHM_WORD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RG_WORD_VOID UINT64_C(0)
#define RG_WORD_MAX_PERMITS ((INT64_C(1) << 21) - 1)
#define RG_WORD_MAX_END_MS ((INT64_C(1) << 42) - 1)

/* end_ms 1 to RG_WORD_MAX_END_MS, permits 0 to RG_WORD_MAX_PERMITS. */
static inline uint64_t rg_word_make(int64_t end_ms, int64_t permits, bool exhausted) {
  return (uint64_t)end_ms << 22 | (uint64_t)permits << 1 | (uint64_t)exhausted;
}
static inline int64_t rg_word_end_ms(uint64_t word) { return (int64_t)(word >> 22); }
static inline int64_t rg_word_permits(uint64_t word) {
  return (int64_t)(word >> 1) & RG_WORD_MAX_PERMITS;
}
static inline bool rg_word_exhausted(uint64_t word) { return (word & 1) != 0; }
/* The same window with `permits`, 0 to what the word holds, and exhausted as it was. */
static inline uint64_t rg_word_with_permits(uint64_t word, int64_t permits) {
  return (word & ~((uint64_t)RG_WORD_MAX_PERMITS << 1)) | (uint64_t)permits << 1;
}

/* ---- The reader ----------------------------------------------------------------------------- */

/* Acquire: who sees a published word sees the identity that was written before it. */
static inline uint64_t rg_word_load(const uint64_t* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Relaxed: what pairs it with a word are the word's own orders before and after it. Never memcmp:
 * it may be written meanwhile. */
static inline uint64_t rg_identity_load(const uint64_t* part) {
  return __atomic_load_n(part, __ATOMIC_RELAXED);
}

/* Swaps `next` in if the word still is *seen; else *seen is what it is now, and the identity must
 * be compared again.
 *
 * Release: the identity was read before; whoever voids the word after this swap writes another
 * identity only after it, so it is not the one that was read. Acquire on failure: as for a load. */
static inline bool rg_word_swap(uint64_t* word, uint64_t* seen, uint64_t next) {
  return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Whether a denial stands: the word is what it was when the identity was compared. The fence keeps
 * the look at the identity before this load: an identity that was new comes with the void seen. */
static inline bool rg_word_still(const uint64_t* word, uint64_t seen) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(word, __ATOMIC_RELAXED) == seen;
}

/* ---- The daemon ----------------------------------------------------------------------------- */

/* Takes the word away and gives what it was. Acquire: the swaps before it, and what their readers
 * had read, are before what follows. What follows is told apart by the fence below. */
static inline uint64_t rg_word_void(uint64_t* word) {
  return __atomic_exchange_n(word, RG_WORD_VOID, __ATOMIC_ACQUIRE);
}

/* Between the voids and the new identity: who reads any of the new identity and then, behind its
 * acquire fence, the word again, finds it void or newer. */
static inline void rg_identity_begin(void) { /* NOLINT(modernize-redundant-void-arg): also C */
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void rg_identity_store(uint64_t* part, uint64_t value) {
  __atomic_store_n(part, value, __ATOMIC_RELAXED);
}

/* Release: the identity first. Only over a void word: a store over another would end the release
 * sequence by which a later void comes after the swaps before it. */
static inline void rg_word_publish(uint64_t* word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* ---- Small numbers beside the word: estimates, read and written each on its own ----------------
 */

static inline uint32_t rg_hint_load(const uint32_t* hint) {
  return __atomic_load_n(hint, __ATOMIC_RELAXED);
}
static inline void rg_hint_store(uint32_t* hint, uint32_t value) {
  __atomic_store_n(hint, value, __ATOMIC_RELAXED);
}

/* ---- Records under a sequence number: odd while written, one writer
 * ------------------------------ */

/* Acquire: the fields are read after it. */
static inline uint64_t rg_sequence_begin_read(const uint64_t* sequence) {
  return __atomic_load_n(sequence, __ATOMIC_ACQUIRE);
}
/* The fence keeps the reads of the fields before the second look. */
static inline bool rg_sequence_read_is_whole(const uint64_t* sequence, uint64_t begun) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return (begun & 1) == 0 && __atomic_load_n(sequence, __ATOMIC_RELAXED) == begun;
}
/* The fence keeps the writes of the fields behind the odd number. */
static inline uint64_t rg_sequence_begin_write(uint64_t* sequence, uint64_t last) {
  __atomic_store_n(sequence, last + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  return last + 2;
}
static inline void rg_sequence_end_write(uint64_t* sequence, uint64_t next) {
  __atomic_store_n(sequence, next, __ATOMIC_RELEASE);
}
static inline int64_t rg_field_load(const int64_t* field) {
  return __atomic_load_n(field, __ATOMIC_RELAXED);
}
static inline void rg_field_store(int64_t* field, int64_t value) {
  __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif
