/* The decision of client/shared/shm_check.h as a function that is compiled into its caller. */
#ifndef RATEGATE_CLIENT_SHARED_SHM_DECIDE_H
#define RATEGATE_CLIENT_SHARED_SHM_DECIDE_H

#include <stddef.h>

#include "client/shared/shm_types.h"
#include "shm/identity.h"
#include "shm/step.h"
#include "shm/word.h"

#define RG_SHM_NS_PER_MS INT64_C(1000000)
#define RG_SHM_MAX_TRIES 64 /* swaps that others may win, before the daemon is asked instead */

#define RG_INLINE static inline __attribute__((always_inline))
#define RG_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* How much the clock may drift in so many nanoseconds. The product need not fit in 64 bits. */
RG_INLINE uint64_t rg_shm_drifted(uint64_t ns, uint64_t drift) {
  __extension__ typedef unsigned __int128 wide;
  return (uint64_t)((wide)ns * drift >> 32);
}

/* Between which two moments Redis' clock is: middle_ns - margin_ns and middle_ns + margin_ns. As
 * unsigned numbers, because sums of whatever stands in the record may wrap round. */
struct rg_shm_time {
  uint64_t middle_ns;
  uint64_t margin_ns;
  uint64_t error_ns; /* the part of the margin that is the clock's error */
  uint64_t drift;    /* as in the record */
};

/* What a clock record says about a reading of CLOCK_MONOTONIC. The true time is `now_ns` to
 * `now_ns + lag_ns`; lag_ns is 0 for the precise clock. Such a lag is kept from both sides.
 * False when the record is being written, or not to be trusted at that time. */
RG_INLINE bool rg_shm_time_at(const struct rg_shm_clock* clock, int64_t now_ns, int64_t lag_ns,
                              struct rg_shm_time* time) {
  const uint64_t begun = rg_sequence_begin_read(&clock->sequence);
  const uint64_t offset = (uint64_t)rg_field_load(&clock->offset_ns);
  const uint64_t error = (uint64_t)rg_field_load(&clock->error_ns);
  const int64_t measured = rg_field_load(&clock->measured_ns);
  const uint64_t drift = (uint64_t)rg_field_load(&clock->drift);
  const int64_t until = rg_field_load(&clock->until_ns);
  rg_step();
  if (!rg_sequence_read_is_whole(&clock->sequence, begun)) return false;
  /* `until` is 0 where nothing is trusted: no reading is before that. */
  const int64_t late = now_ns + lag_ns;
  if (late >= until) return false;
  const uint64_t age = late > measured ? (uint64_t)late - (uint64_t)measured : 0;
  time->error_ns = error + rg_shm_drifted(age, drift);
  time->margin_ns = time->error_ns + (uint64_t)lag_ns;
  time->middle_ns = (uint64_t)now_ns + offset;
  time->drift = drift;
  return true;
}

/* ---- The slot ------------------------------------------------------------------------------- */

/* Whose pool is looked for. The key is NULL for the empty one. */
struct rg_shm_whose {
  uint64_t rule; /* with the number of the clock, and so in the key */
  const struct rg_identity* key;
};

RG_INLINE bool rg_shm_is_it(const struct rg_slot* slot, struct rg_shm_whose whose) {
  return whose.key == NULL ? rg_slot_is_keyless(slot, whose.rule) : rg_slot_is(slot, whose.key);
}

/* The number of the slot that seems to be the pool's, by whichever clock, or RG_SHM_NO_HINT. Called
 * where the first slot that was looked at is another pool's: on a first check, in a full
 * neighbourhood, and on a miss. Nothing of what it sees in a slot is used but that number. */
static __attribute__((noinline, unused)) uint32_t rg_shm_probe(const struct rg_shm_view* view,
                                                               uint64_t rule,
                                                               const struct rg_identity* key) {
  const struct rg_identity empty = {rule, {0, 0, 0, 0}};
  const struct rg_identity* id = key != NULL ? key : &empty;
  const uint64_t home = rg_identity_hash(id, view->hash_seed);
  for (uint32_t i = 0; i < view->probes; ++i) {
    const uint32_t at = (uint32_t)(home + i) & view->mask;
    if (rg_clock_of(&view->slots[at], id) != RG_NO_CLOCK) return at;
  }
  return RG_SHM_NO_HINT;
}

/* The two words of a slot. */
struct rg_shm_words {
  uint64_t even;
  uint64_t odd;
};

/* The number of the slot of the hint, or of that where the pool's hash says. */
RG_INLINE uint32_t rg_shm_likely_slot(const struct rg_shm_view* view, struct rg_shm_whose whose,
                                      uint32_t hint) {
  return (hint == RG_SHM_NO_HINT && whose.key != NULL
              ? (uint32_t)rg_identity_hash(whose.key, view->hash_seed)
              : hint) &
         view->mask;
}

/* The pool's slot, or NULL, and its words as they were before it was found to be that. It is looked
 * for in the likely slot, and elsewhere unless it was `probed` for. */
RG_INLINE struct rg_slot* rg_shm_find(const struct rg_shm_view* view, struct rg_shm_whose whose,
                                      uint32_t hint, bool probed, struct rg_shm_words* words,
                                      uint32_t* number) {
  uint32_t at = rg_shm_likely_slot(view, whose, hint);
  for (;;) {
    struct rg_slot* slot = &view->slots[at];
    /* The words first, then the identity: see shm/word.h. */
    words->even = rg_word_load(&slot->word[0]);
    words->odd = rg_word_load(&slot->word[1]);
    rg_step();
    if (RG_LIKELY(rg_shm_is_it(slot, whose))) {
      *number = at;
      return slot;
    }
    if (probed) return NULL;
    probed = true;
    at = rg_shm_probe(view, whose.rule, whose.key);
    if (at == RG_SHM_NO_HINT) return NULL;
  }
}

/* ---- The window ----------------------------------------------------------------------------- */

RG_INLINE uint64_t rg_shm_end_ns(uint64_t word) {
  return (uint64_t)rg_word_end_ms(word) * (uint64_t)RG_SHM_NS_PER_MS;
}

/* From the earliest possible time to the end of the word's window; wraps where the end is past. */
RG_INLINE uint64_t rg_shm_left_ns(uint64_t word, const struct rg_shm_time* time) {
  return rg_shm_end_ns(word) - (time->middle_ns - time->margin_ns);
}

/* Whether the window [end - period, end) holds both bounds of the time: from the earliest there is
 * more left than the two margins and no more than the period. In one comparison, which is right
 * while the margins are less than the period. A void word's end is past. */
RG_INLINE bool rg_shm_holds(uint64_t left_ns, uint64_t period_ns, const struct rg_shm_time* time) {
  const uint64_t both = 2 * time->margin_ns;
  return left_ns - both - 1 < period_ns - both;
}

/* How long until the earliest possible time has passed the edge, if that lies between the bounds;
 * else 0. */
static inline int64_t rg_shm_until_past(uint64_t left_ns, uint64_t both_margins_ns,
                                        uint64_t drift) {
  if (left_ns == 0 || left_ns > both_margins_ns) return 0;
  return (int64_t)(left_ns + rg_shm_drifted(left_ns, drift) + 1);
}

/* No window of the two words holds the time: how long until one edge of them is passed, or 0. */
static __attribute__((noinline, unused)) int64_t rg_shm_between(uint64_t left_0, uint64_t left_1,
                                                                uint64_t period_ns,
                                                                uint64_t both_margins_ns,
                                                                uint64_t drift) {
  const uint64_t to_edge[4] = {left_0, left_0 - period_ns, left_1, left_1 - period_ns};
  for (int i = 0; i < 4; ++i) {
    const int64_t wait = rg_shm_until_past(to_edge[i], both_margins_ns, drift);
    if (wait > 0) return wait;
  }
  return 0;
}

/* ---- The decision --------------------------------------------------------------------------- */

/* When the window is over for certain, in ms, rounded up: the clock's error grows until then, so
 * it takes longer by that; but no clock is trusted with an error of more than a second. */
RG_INLINE int64_t rg_shm_reset_after_ms(uint64_t left_ns, uint64_t drift) {
  /* In steps of 2^20 ns, rounded up: a millisecond or so, and the product fits in 64 bits. */
  const uint64_t most = 1000 * (uint64_t)RG_SHM_NS_PER_MS;
  uint64_t drifted = ((left_ns >> 20) + 1) * (drift >> 12) + 1;
  if (!RG_LIKELY(drifted < most)) drifted = most;
  return (int64_t)((left_ns + drifted + (uint64_t)RG_SHM_NS_PER_MS) / (uint64_t)RG_SHM_NS_PER_MS);
}

/* The key is blocked at least until the word ends, which a denial has told of by now, and for
 * rest_ms more; one that has no permits at all for good. */
RG_INLINE void rg_shm_tell_block(int64_t limit, int64_t rest_ms, struct rg_shm_result* result) {
  result->limit = limit;
  result->remaining = 0;
  result->retry_after_ms = limit == 0 ? -1 : result->retry_after_ms + rest_ms;
  result->reset_after_ms = limit == 0 ? 0 : result->retry_after_ms;
}

/* The word of an open window has too little. A denial where the store has nothing either: then the
 * word, and whose slot it is, were as they are when the word was loaded. */
RG_INLINE enum rg_shm_outcome rg_shm_deny_window(struct rg_slot* slot, uint64_t* word,
                                                 uint64_t seen, struct rg_shm_ask ask,
                                                 int64_t remaining, struct rg_shm_result* result) {
  const bool blocked = rg_is_blocked(slot);
  /* As much as the bit: after the word's second look the slot may be another key's. */
  const int64_t rest_ms = (int64_t)rg_hint_load(&slot->left);
  rg_step();
  if (!rg_word_exhausted(seen) || !rg_word_still(word, seen)) return RG_SHM_MISS;
  result->allowed = false;
  result->nudge = false;
  result->blocked = blocked;
  result->remaining = remaining;
  if (blocked) {
    rg_shm_tell_block(result->limit, rest_ms, result);
  } else if (ask.cost > result->limit) {
    return RG_SHM_MISS; /* it never fits, which the daemon tells */
  }
  return RG_SHM_DECIDED;
}

/* Spends, or denies, from a word whose window is the open one. The slot was this pool's after the
 * word was loaded. */
RG_INLINE enum rg_shm_outcome rg_shm_spend(struct rg_slot* slot, uint64_t* word, uint64_t loaded,
                                           struct rg_shm_whose whose, struct rg_shm_ask ask,
                                           struct rg_shm_result* result) {
  const int64_t cost = ask.cost;
  uint64_t seen = loaded;
  /* Nothing is loaded after a swap that succeeds: it would wait for it. */
  const int64_t low_water = (int64_t)rg_hint_load(&slot->low_water);
  /* It may still be of the window before, and the word's permits are not in it then. */
  const int64_t left = (int64_t)rg_hint_load(&slot->left);
  const int64_t limit = rg_number_of(slot);
  result->limit = limit;
  for (int tries = 0; tries < RG_SHM_MAX_TRIES; ++tries) {
    const int64_t held = rg_word_permits(seen);
    const int64_t remaining = held + left < limit ? held + left : limit;
    if (held < cost) return rg_shm_deny_window(slot, word, seen, ask, remaining, result);
    rg_step();
    if (ask.looks ||
        RG_LIKELY(rg_word_swap(word, &seen, rg_word_with_permits(seen, held - cost)))) {
      result->allowed = true;
      result->nudge = held >= low_water && held - cost < low_water;
      result->remaining = remaining - cost;
      return RG_SHM_DECIDED;
    }
    rg_step();
    if (rg_word_end_ms(seen) != rg_word_end_ms(loaded)) break;
    if (!rg_shm_is_it(slot, whose)) break;
  }
  return RG_SHM_MISS;
}

/* What a decision in that window says of it. */
RG_INLINE void rg_shm_tell_window(uint64_t word, uint64_t left_ns, uint64_t drift,
                                  struct rg_shm_result* result) {
  result->window_end_ms = rg_word_end_ms(word);
  result->reset_after_ms = result->retry_after_ms = rg_shm_reset_after_ms(left_ns, drift);
}

/* Decides by one clock, of a limit of windows. */
RG_INLINE enum rg_shm_outcome rg_shm_decide_by(const struct rg_shm_view* view,
                                               const struct rg_shm_clock* clock,
                                               const struct rg_shm_rule* rule,
                                               struct rg_shm_whose whose, uint32_t hint,
                                               bool probed, struct rg_shm_ask ask,
                                               struct rg_shm_result* result) {
  struct rg_shm_time time;
  if (!rg_shm_time_at(clock, ask.now_ns, ask.lag_ns, &time)) return RG_SHM_MISS;
  const uint64_t period_ns = (uint64_t)rule->period_ms * (uint64_t)RG_SHM_NS_PER_MS;
  /* Twice the error below half of the period, as the daemon has it. */
  if (4 * time.error_ns >= period_ns || ask.cost > rule->limit) return RG_SHM_MISS;
  result->wait_ns = (int64_t)(2 * time.margin_ns);
  if (2 * time.margin_ns >= period_ns) return RG_SHM_BETWEEN; /* for a coarse clock's lag */

  struct rg_shm_words words;
  struct rg_slot* slot = rg_shm_find(view, whose, hint, probed, &words, &result->slot);
  if (slot == NULL) return RG_SHM_MISS;
  result->clock = (uint32_t)(clock - view->header->clock);
  const uint64_t even_left = rg_shm_left_ns(words.even, &time);
  const uint64_t odd_left = rg_shm_left_ns(words.odd, &time);
  /* Two branches, and no word that is chosen by a condition: the swap would wait for the clock. */
  if (rg_shm_holds(even_left, period_ns, &time)) {
    rg_shm_tell_window(words.even, even_left, time.drift, result);
    return rg_shm_spend(slot, &slot->word[0], words.even, whose, ask, result);
  }
  if (rg_shm_holds(odd_left, period_ns, &time)) {
    rg_shm_tell_window(words.odd, odd_left, time.drift, result);
    return rg_shm_spend(slot, &slot->word[1], words.odd, whose, ask, result);
  }
  result->wait_ns = rg_shm_between(even_left, odd_left, period_ns, 2 * time.margin_ns, time.drift);
  return result->wait_ns > 0 ? RG_SHM_BETWEEN : RG_SHM_MISS;
}

/* By the first clock, as it is with a single Redis. A miss may be another shard's: see
 * rg_shm_check_elsewhere(). */
RG_INLINE enum rg_shm_outcome rg_shm_decide(const struct rg_shm_view* view,
                                            const struct rg_shm_rule* rule,
                                            const struct rg_identity* key, uint32_t hint,
                                            int64_t cost, int64_t now_ns, int64_t lag_ns,
                                            struct rg_shm_result* result) {
  const struct rg_shm_whose whose = {rule->id, key};
  const struct rg_shm_ask ask = {.cost = cost, .now_ns = now_ns, .lag_ns = lag_ns, .looks = false};
  return rg_shm_decide_by(view, &view->header->clock[0], rule, whose, hint, false, ask, result);
}

#endif
