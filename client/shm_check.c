#include "client/shm_check.h"

#include <stddef.h>

#include "client/mutant.h"
#include "client/pool_word.h"

#define NS_PER_MS INT64_C(1000000)
#define MAX_TRIES 64 /* swaps that others may win, before the daemon is asked instead */
#define MAX_NS (INT64_C(1) << 62)
#define MAX_DRIFT (INT64_C(1) << 32) /* a clock that is off by as much as passes tells nothing */
#define MUTANT_EARLY_NS (5 * NS_PER_MS)

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/* How much the clock may drift in that time; both factors are checked, the product needs not fit
 * in 64 bits. */
ALWAYS_INLINE int64_t drifted(int64_t ns, int64_t drift) {
  __extension__ typedef unsigned __int128 wide;
  return (int64_t)((wide)(uint64_t)ns * (uint64_t)drift >> 32);
}

ALWAYS_INLINE bool read_clock(const struct rg_shm_header* header, int64_t now_ns, int64_t lag_ns,
                              struct rg_shm_time* time) {
  const struct rg_shm_clock* clock = &header->clock;
  const uint64_t begun = rg_sequence_begin_read(&clock->sequence);
  const int64_t offset = rg_field_load(&clock->offset_ns);
  const int64_t error = rg_field_load(&clock->error_ns);
  const int64_t measured = rg_field_load(&clock->measured_ns);
  const int64_t drift = rg_field_load(&clock->drift);
  const int64_t until = rg_field_load(&clock->until_ns);
  rg_step();
  if (!rg_sequence_read_is_whole(&clock->sequence, begun)) return false;
  /* until is 0 where nothing is trusted: no reading is before that. The others are looked at so
   * that no sum below overflows, whatever somebody wrote there. As unsigned, negative ones are too
   * large as well; the offset alone may be negative. */
  const int64_t late_ns = now_ns + lag_ns;
  if (late_ns >= until || (uint64_t)offset + (uint64_t)MAX_NS >= 2 * (uint64_t)MAX_NS ||
      (uint64_t)error >= (uint64_t)MAX_NS / 4 || (uint64_t)measured >= (uint64_t)MAX_NS ||
      (uint64_t)drift > (uint64_t)MAX_DRIFT) {
    return false;
  }
  const int64_t age = late_ns > measured ? late_ns - measured : 0;
  const int64_t grown = rg_mutant("offset-without-error") ? 0 : error + drifted(age, drift);
  const int64_t margin = grown + lag_ns;
  const int64_t middle = now_ns + offset;
  if (margin >= MAX_NS / 4 || middle < margin || middle >= MAX_NS) return false;
  time->earliest_ns = middle - margin;
  time->latest_ns = middle + margin;
  time->error_ns = grown;
  time->drift = drift;
  return true;
}

bool rg_shm_read_clock(const struct rg_shm_header* header, int64_t now_ns, int64_t lag_ns,
                       struct rg_shm_time* time) {
  return read_clock(header, now_ns, lag_ns, time);
}

/* ---- The slot ------------------------------------------------------------------------------- */

ALWAYS_INLINE bool is_it(const struct rg_slot* slot, const struct rg_identity* id, bool keyless) {
  return keyless ? rg_slot_is_keyless(slot, id->rule) : rg_slot_is(slot, id);
}

/* Loads the words, and then compares the identity: in this order, see pool_word.h. */
ALWAYS_INLINE bool look_at(const struct rg_slot* slot, const struct rg_identity* id, bool keyless,
                           uint64_t words[2]) {
  words[0] = rg_word_load(&slot->word[0]);
  words[1] = rg_word_load(&slot->word[1]);
  rg_step();
  return is_it(slot, id, keyless) || rg_mutant("identity-after-swap");
}

/* The way of a first check, a full neighbourhood and a miss. NULL where no slot is this one's. */
static __attribute__((noinline)) struct rg_slot* probe(const struct rg_shm_view* view,
                                                       const struct rg_identity* id, uint64_t home,
                                                       uint32_t from, uint64_t words[2]) {
  for (uint32_t i = from; i < view->probes; ++i) {
    struct rg_slot* slot = &view->slots[(home + i) & view->mask];
    if (look_at(slot, id, false, words)) return slot;
  }
  return NULL;
}

ALWAYS_INLINE struct rg_slot* find(const struct rg_shm_view* view, const struct rg_identity* id,
                                   bool keyless, uint32_t hint, uint64_t words[2]) {
  const bool hinted = keyless || hint != RG_SHM_NO_HINT;
  const uint64_t first = hinted ? hint : rg_identity_hash(id, view->hash_seed);
  struct rg_slot* slot = &view->slots[first & view->mask];
  if (LIKELY(look_at(slot, id, keyless, words))) return slot;
  return hinted ? probe(view, id, rg_identity_hash(id, view->hash_seed), 0, words)
                : probe(view, id, first, 1, words);
}

/* ---- The window ----------------------------------------------------------------------------- */

ALWAYS_INLINE int64_t end_ns(uint64_t word) { return rg_word_end_ms(word) * NS_PER_MS; }

/* Whether the window [end - period, end) holds all of the time's bounds. Never that of a void
 * word, because no time is before 0. */
ALWAYS_INLINE bool holds(uint64_t word, int64_t period_ns, const struct rg_shm_time* time) {
  const int64_t end = end_ns(word);
  const int64_t early = rg_mutant("window-opened-early") ? MUTANT_EARLY_NS : 0;
  return time->earliest_ns >= end - period_ns - early && time->latest_ns < end;
}

/* How long until `earliest` has passed the edge that lies between the bounds; 0: none does. */
static int64_t until_past(int64_t edge_ns, const struct rg_shm_time* time) {
  if (time->earliest_ns >= edge_ns || time->latest_ns < edge_ns) return 0;
  const int64_t ns = edge_ns - time->earliest_ns;
  return ns + drifted(ns, time->drift) + 1;
}

/* Neither word's window holds the time. */
static __attribute__((noinline)) enum rg_shm_outcome between_or_miss(const uint64_t words[2],
                                                                     int64_t period_ns,
                                                                     const struct rg_shm_time* time,
                                                                     struct rg_shm_result* result) {
  for (int i = 0; i < 2; ++i) {
    if (words[i] == RG_WORD_VOID) continue;
    int64_t wait = until_past(end_ns(words[i]), time);
    if (wait == 0) wait = until_past(end_ns(words[i]) - period_ns, time);
    if (wait == 0) continue;
    result->wait_ns = wait;
    return RG_SHM_BETWEEN;
  }
  return RG_SHM_MISS;
}

/* ---- The decision --------------------------------------------------------------------------- */

/* Rounded up; the error grows while one waits, so it takes longer by that. */
ALWAYS_INLINE int64_t reset_after_ms(uint64_t word, const struct rg_shm_time* time) {
  const int64_t ns = end_ns(word) - time->earliest_ns;
  return (int64_t)((uint64_t)(ns + drifted(ns, time->drift) + NS_PER_MS) / (uint64_t)NS_PER_MS);
}

ALWAYS_INLINE enum rg_shm_outcome decided(const struct rg_shm_view* view,
                                          const struct rg_slot* slot, uint64_t word,
                                          const struct rg_shm_time* time,
                                          struct rg_shm_result* result) {
  result->slot = (uint32_t)(slot - view->slots);
  result->remaining = rg_word_permits(word) + (int64_t)rg_hint_load(&slot->left);
  result->reset_after_ms = reset_after_ms(word, time);
  result->window_end_ms = rg_word_end_ms(word);
  return RG_SHM_DECIDED;
}

ALWAYS_INLINE enum rg_shm_outcome check(const struct rg_shm_view* view,
                                        const struct rg_shm_rule* rule,
                                        const struct rg_identity* id, bool keyless, uint32_t hint,
                                        int64_t cost, int64_t now_ns, int64_t lag_ns,
                                        struct rg_shm_result* result) {
  struct rg_shm_time time;
  if (!read_clock(view->header, now_ns, lag_ns, &time)) return RG_SHM_MISS;
  const int64_t period_ns = rule->period_ms * NS_PER_MS;
  /* Twice the error below half of the period, as the daemon has it. */
  if (4 * time.error_ns >= period_ns || cost > rule->limit) return RG_SHM_MISS;

  uint64_t words[2];
  struct rg_slot* slot = find(view, id, keyless, hint, words);
  if (slot == NULL) return RG_SHM_MISS;
  int which = holds(words[0], period_ns, &time) ? 0 : 1;
  if (rg_mutant("swap-ignores-window")) {
    which = rg_word_permits(words[0]) >= cost ? 0 : 1;
  } else if (which == 1 && !holds(words[1], period_ns, &time)) {
    return between_or_miss(words, period_ns, &time, result);
  }
  uint64_t* word = &slot->word[which];
  uint64_t seen = words[which];
  const int64_t window = rg_word_end_ms(seen);
  for (int tries = 0; tries < MAX_TRIES; ++tries) {
    const int64_t held = rg_word_permits(seen);
    if (held < cost) {
      rg_step();
      if (!rg_word_exhausted(seen) || !rg_word_still(word, seen)) return RG_SHM_MISS;
      result->allowed = false;
      result->nudge = false;
      return decided(view, slot, seen, &time, result);
    }
    const uint64_t next = rg_word_with_permits(seen, held - cost);
    rg_step();
    if (LIKELY(rg_word_swap(word, &seen, next))) {
      if (rg_mutant("identity-after-swap") && !is_it(slot, id, keyless)) return RG_SHM_MISS;
      const int64_t low = (int64_t)rg_hint_load(&slot->low_water);
      result->allowed = true;
      result->nudge = held >= low && held - cost < low;
      return decided(view, slot, next, &time, result);
    }
    rg_step();
    const bool same_window = rg_word_end_ms(seen) == window || rg_mutant("swap-ignores-window");
    if (!same_window || !(is_it(slot, id, keyless) || rg_mutant("identity-after-swap"))) break;
  }
  return RG_SHM_MISS;
}

enum rg_shm_outcome rg_shm_check(const struct rg_shm_view* view, const struct rg_shm_rule* rule,
                                 const struct rg_identity* id, uint32_t slot_hint, int64_t cost,
                                 int64_t now_ns, int64_t lag_ns, struct rg_shm_result* result) {
  return check(view, rule, id, false, slot_hint, cost, now_ns, lag_ns, result);
}

enum rg_shm_outcome rg_shm_check_keyless(const struct rg_shm_view* view,
                                         const struct rg_shm_rule* rule, uint32_t slot_hint,
                                         int64_t cost, int64_t now_ns, int64_t lag_ns,
                                         struct rg_shm_result* result) {
  const struct rg_identity id = {rule->id, {0, 0, 0, 0}};
  return check(view, rule, &id, true, slot_hint, cost, now_ns, lag_ns, result);
}
