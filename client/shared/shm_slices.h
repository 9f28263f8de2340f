/* The decision of client/shared/shm_check.h for limits whose permits are leased in slices of time:
 * token buckets and sliding windows. A word's permits are good from when they are there until it
 * ends, so that both words may be open. docs/shared-memory.md, "Slices". */
#ifndef RATEGATE_CLIENT_SHARED_SHM_SLICES_H
#define RATEGATE_CLIENT_SHARED_SHM_SLICES_H

#include "client/shared/shm_decide.h"

/* What a reading of the clock says of a word: how much of it there is until its end. */
struct rg_shm_slice {
  uint64_t left_ns; /* from the earliest possible time; wraps where the end is past */
  bool open;        /* not over for certain */
  bool doubtful;    /* it may be over, and it may not */
};

/* Between which bounds the time is, and how far ahead a word may end. */
struct rg_shm_bounds {
  uint64_t earliest_ns;
  uint64_t span_ns; /* from the earliest possible time to the latest */
  uint64_t longest_ns;
};

RG_INLINE struct rg_shm_slice rg_shm_slice_of(uint64_t word, const struct rg_shm_bounds* bounds) {
  const uint64_t left = rg_shm_end_ns(word) - bounds->earliest_ns;
  struct rg_shm_slice slice;
  slice.left_ns = left;
  slice.open = left - bounds->span_ns - 1 < bounds->longest_ns - bounds->span_ns;
  slice.doubtful = left - 1 < bounds->span_ns;
  return slice;
}

/* A pool of slices as it was found, and what is asked of it. */
struct rg_shm_pool {
  const struct rg_shm_rule* rule;
  int64_t limit; /* these three are the rule's, but for keys that have numbers of their own */
  int64_t burst;
  uint64_t ms_per_permit_2_32;
  bool blocked; /* the slot is no pool's: the key is blocked */
  struct rg_shm_whose whose;
  int64_t cost;
  bool looks; /* whether it would be allowed: nothing is taken */
  struct rg_slot* slot;
  struct rg_shm_words words; /* loaded before the slot was found to be the pool's */
  int64_t low_water;
  uint32_t left; /* as it stands in the slot */
};

/* How long it takes a bucket to have as many permits again. Rounded up, without a division. */
RG_INLINE int64_t rg_shm_flows_in_ms(const struct rg_shm_pool* pool, int64_t permits) {
  return permits <= 0 ? 0
                      : (int64_t)rg_shm_drifted((uint64_t)permits, pool->ms_per_permit_2_32) + 1;
}

/* Until there is all of the burst: a sliding window has its permits back a period after the end of
 * the last slice that any were spent of. */
RG_INLINE int64_t rg_shm_full_after_ms(const struct rg_shm_pool* pool, int64_t remaining,
                                       int64_t end_ms, const struct rg_shm_bounds* bounds) {
  const struct rg_shm_rule* rule = pool->rule;
  if (rule->kind == RG_RULE_BUCKET) return rg_shm_flows_in_ms(pool, pool->burst - remaining);
  if (remaining >= pool->burst) return 0;
  return end_ms + rule->period_ms - (int64_t)(bounds->earliest_ns / (uint64_t)RG_SHM_NS_PER_MS);
}

/* The numbers of the pool's key. No key has others of its own where the limit's burst is another
 * number than its permits. False where the cost never fits. */
RG_INLINE bool rg_shm_load_numbers(struct rg_shm_pool* pool) {
  const struct rg_shm_rule* rule = pool->rule;
  pool->limit = rg_number_of(pool->slot);
  pool->blocked = rg_is_blocked(pool->slot);
  pool->burst = rule->burst;
  pool->ms_per_permit_2_32 = rule->ms_per_permit_2_32;
  if (RG_LIKELY(pool->limit == rule->limit) || pool->blocked) return true;
  if (pool->limit < pool->cost) return false; /* it never fits, which the daemon tells */
  pool->burst = pool->limit;
  pool->ms_per_permit_2_32 = rg_shm_ms_per_permit(pool->limit, rule->period_ms);
  return true;
}

/* Loads the words of that slot. False where it is another pool's. */
RG_INLINE bool rg_shm_load(struct rg_shm_pool* pool, struct rg_slot* slot) {
  pool->slot = slot;
  pool->words.even = rg_word_load(&slot->word[0]);
  pool->words.odd = rg_word_load(&slot->word[1]);
  rg_step();
  if (!RG_LIKELY(rg_shm_is_it(slot, pool->whose))) return false;
  pool->low_water = (int64_t)rg_hint_load(&slot->low_water);
  pool->left = rg_hint_load(&slot->left);
  return rg_shm_load_numbers(pool);
}

/* Between which bounds the time is at a reading of the clock. False where none is trusted then, or
 * too little is known. */
RG_INLINE bool rg_shm_bounds_at(const struct rg_shm_clock* clock, const struct rg_shm_rule* rule,
                                int64_t now_ns, int64_t lag_ns, struct rg_shm_bounds* bounds,
                                uint64_t* drift) {
  struct rg_shm_time time;
  if (!rg_shm_time_at(clock, now_ns, lag_ns, &time)) return false;
  *drift = time.drift;
  /* The lag is behind alone: no time is before the reading. */
  bounds->earliest_ns = time.middle_ns - time.error_ns;
  bounds->span_ns = time.error_ns + time.margin_ns;
  bounds->longest_ns = (uint64_t)rule->longest_ms * (uint64_t)RG_SHM_NS_PER_MS;
  return bounds->span_ns < bounds->longest_ns;
}

RG_INLINE int64_t rg_shm_remaining(const struct rg_shm_pool* pool, int64_t held) {
  const int64_t in_store = (pool->left & RG_LEFT_IS_WAIT) != 0 ? 0 : (int64_t)pool->left;
  const int64_t remaining = held + in_store;
  return remaining < pool->burst ? remaining : pool->burst;
}

/* When the later of the slices ends; a denial is none. 0: there is none. */
RG_INLINE int64_t rg_shm_last_slice_ms(const struct rg_shm_words* words) {
  const int64_t even = rg_word_exhausted(words->even) ? 0 : rg_word_end_ms(words->even);
  const int64_t odd = rg_word_exhausted(words->odd) ? 0 : rg_word_end_ms(words->odd);
  return even > odd ? even : odd;
}

/* Takes the cost out of an open word, which has enough. */
RG_INLINE enum rg_shm_outcome rg_shm_take(const struct rg_shm_pool* pool, uint64_t* word,
                                          uint64_t seen, int64_t held,
                                          const struct rg_shm_bounds* bounds,
                                          struct rg_shm_result* result) {
  rg_step();
  const uint64_t next = rg_word_with_permits(seen, rg_word_permits(seen) - pool->cost);
  if (!pool->looks && !RG_LIKELY(rg_word_swap(word, &seen, next))) return RG_SHM_LOST;
  result->allowed = true;
  result->nudge = held >= pool->low_water && held - pool->cost < pool->low_water;
  result->remaining = rg_shm_remaining(pool, held) - pool->cost;
  result->retry_after_ms = 0;
  result->limit = pool->limit;
  result->window_end_ms = rg_word_end_ms(next);
  result->reset_after_ms =
      rg_shm_full_after_ms(pool, result->remaining, rg_shm_last_slice_ms(&pool->words), bounds);
  return RG_SHM_DECIDED;
}

/* Spends at one reading of the clock, in one attempt. RG_SHM_LACKS: whatever may be open has too
 * little together; see rg_shm_deny(). RG_SHM_LOST: somebody else has changed the word. */
RG_INLINE enum rg_shm_outcome rg_shm_spend_slices(const struct rg_shm_pool* pool,
                                                  const struct rg_shm_clock* clock, int64_t now_ns,
                                                  int64_t lag_ns, struct rg_shm_result* result) {
  struct rg_shm_bounds bounds;
  uint64_t drift;
  if (!rg_shm_bounds_at(clock, pool->rule, now_ns, lag_ns, &bounds, &drift)) return RG_SHM_MISS;
  result->read_ns = now_ns;
  const struct rg_shm_words words = pool->words;
  const struct rg_shm_slice even = rg_shm_slice_of(words.even, &bounds);
  const struct rg_shm_slice odd = rg_shm_slice_of(words.odd, &bounds);
  const int64_t in_even = rg_word_permits(words.even), in_odd = rg_word_permits(words.odd);
  if (lag_ns > 0 && ((even.doubtful && in_even > 0) || (odd.doubtful && in_odd > 0))) {
    return RG_SHM_BETWEEN;
  }
  /* From the one that ends first where that suffices. Two branches, and no word that is chosen by a
   * condition: the swap would wait for the clock. */
  const int64_t held = (even.open ? in_even : 0) + (odd.open ? in_odd : 0);
  const bool odd_suffices = odd.open && in_odd >= pool->cost;
  if (even.open && in_even >= pool->cost &&
      !(odd_suffices && rg_word_end_ms(words.odd) < rg_word_end_ms(words.even))) {
    return rg_shm_take(pool, &pool->slot->word[0], words.even, held, &bounds, result);
  }
  if (odd_suffices) {
    return rg_shm_take(pool, &pool->slot->word[1], words.odd, held, &bounds, result);
  }
  /* A cost that needs both is the daemon's. */
  const int64_t at_most =
      (even.open || even.doubtful ? in_even : 0) + (odd.open || odd.doubtful ? in_odd : 0);
  return at_most < pool->cost ? RG_SHM_LACKS : RG_SHM_MISS;
}

/* What a denial says that stands for until_ns more. */
RG_INLINE void rg_shm_tell_denial(const struct rg_shm_pool* pool, uint64_t until_ns,
                                  const struct rg_shm_bounds* bounds, uint64_t drift,
                                  struct rg_shm_result* result) {
  result->allowed = false;
  result->nudge = false;
  result->window_end_ms = 0;
  result->limit = pool->limit;
  /* What a cost needs flows in no sooner; of a sliding window the first permit is known of. */
  const int64_t wait_ms =
      (pool->left & RG_LEFT_IS_WAIT) != 0 ? (int64_t)(pool->left ^ RG_LEFT_IS_WAIT) : 0;
  const int64_t word_ms = rg_shm_reset_after_ms(until_ns, drift) + wait_ms;
  const int64_t flows_ms = pool->rule->kind == RG_RULE_BUCKET
                               ? rg_shm_flows_in_ms(pool, pool->cost - result->remaining)
                               : 0;
  result->retry_after_ms = word_ms > flows_ms ? word_ms : flows_ms;
  const int64_t full_ms =
      rg_shm_full_after_ms(pool, result->remaining, rg_shm_last_slice_ms(&pool->words), bounds);
  result->reset_after_ms = full_ms > result->retry_after_ms ? full_ms : result->retry_after_ms;
}

/* The words that were loaded lack the cost. It is a denial where one of them says that the store
 * has nothing until it ends, both still are what they were, and a reading of the clock after that
 * says that it has not ended: so all of this was true at once, when they were loaded. */
RG_INLINE enum rg_shm_outcome rg_shm_deny(const struct rg_shm_pool* pool,
                                          const struct rg_shm_clock* clock,
                                          struct rg_shm_reader reader,
                                          struct rg_shm_result* result) {
  const struct rg_shm_words words = pool->words;
  if (!rg_word_exhausted(words.even) && !rg_word_exhausted(words.odd)) return RG_SHM_MISS;
  rg_step();
  if (!rg_word_still(&pool->slot->word[0], words.even) ||
      !rg_word_still(&pool->slot->word[1], words.odd)) {
    return RG_SHM_MISS;
  }
  struct rg_shm_bounds bounds;
  uint64_t drift;
  result->read_ns = reader.precise(reader.of);
  if (!rg_shm_bounds_at(clock, pool->rule, result->read_ns, 0, &bounds, &drift)) {
    return RG_SHM_MISS;
  }
  const struct rg_shm_slice even = rg_shm_slice_of(words.even, &bounds);
  const struct rg_shm_slice odd = rg_shm_slice_of(words.odd, &bounds);
  uint64_t until_ns = 0;
  if (even.open && rg_word_exhausted(words.even)) until_ns = even.left_ns;
  if (odd.open && rg_word_exhausted(words.odd) && odd.left_ns > until_ns) until_ns = odd.left_ns;
  if (until_ns == 0) return RG_SHM_MISS;
  result->remaining = rg_shm_remaining(pool, (even.open ? rg_word_permits(words.even) : 0) +
                                                 (odd.open ? rg_word_permits(words.odd) : 0));
  rg_shm_tell_denial(pool, until_ns, &bounds, drift, result);
  result->blocked = pool->blocked;
  if (pool->blocked) rg_shm_tell_block(pool->limit, (int64_t)pool->left, result);
  return RG_SHM_DECIDED;
}

/* Whether no clock could make it enough. */
RG_INLINE bool rg_shm_lacks(const struct rg_shm_pool* pool) {
  return rg_word_permits(pool->words.even) + rg_word_permits(pool->words.odd) < pool->cost;
}

/* What one attempt by the coarse clock at the likely slot has left undecided, as that outcome says.
 * A call, because its rare turns would take registers from what is decided at once. */
static __attribute__((noinline, unused)) enum rg_shm_outcome rg_shm_decide_slices_after(
    enum rg_shm_outcome outcome, const struct rg_shm_view* view, const struct rg_shm_clock* clock,
    struct rg_shm_pool* pool, uint32_t hint, bool probed, struct rg_shm_reader reader,
    struct rg_shm_result* result) {
  struct rg_shm_words unused;
  struct rg_slot* slot = rg_shm_find(view, pool->whose, hint, probed, &unused, &result->slot);
  if (slot == NULL) return RG_SHM_MISS;
  bool precise = outcome == RG_SHM_BETWEEN;
  for (int tries = 0; tries < RG_SHM_MAX_TRIES; ++tries) {
    rg_step();
    if (!rg_shm_load(pool, slot)) return RG_SHM_MISS;
    if (rg_shm_lacks(pool)) return rg_shm_deny(pool, clock, reader, result);
    const int64_t now_ns = (precise ? reader.precise : reader.coarse)(reader.of);
    outcome = rg_shm_spend_slices(pool, clock, now_ns, precise ? 0 : reader.coarse_lag_ns, result);
    if (outcome == RG_SHM_LACKS) return rg_shm_deny(pool, clock, reader, result);
    if (outcome == RG_SHM_BETWEEN) precise = true;
    if (outcome == RG_SHM_DECIDED || outcome == RG_SHM_MISS) return outcome;
  }
  return RG_SHM_MISS;
}

/* Decides by one clock, of a limit whose permits are leased in slices: allowed or denied, or a
 * miss. The pool is looked for as rg_shm_find() says. What no clock could make enough is denied by
 * one reading; what may be allowed is looked at by the coarse clock first, which tells mostly which
 * slices are over. */
RG_INLINE enum rg_shm_outcome rg_shm_decide_slices(
    const struct rg_shm_view* view, const struct rg_shm_clock* clock,
    const struct rg_shm_rule* rule, struct rg_shm_whose whose, uint32_t hint, bool probed,
    int64_t cost, bool looks, struct rg_shm_reader reader, struct rg_shm_result* result) {
  if (cost > rule->burst) return RG_SHM_MISS;
  struct rg_shm_pool pool;
  pool.rule = rule;
  pool.whose = whose;
  pool.cost = cost;
  pool.looks = looks;
  result->clock = (uint32_t)(clock - view->header->clock);
  enum rg_shm_outcome outcome = RG_SHM_MISS;
  result->slot = rg_shm_likely_slot(view, whose, hint);
  if (RG_LIKELY(rg_shm_load(&pool, &view->slots[result->slot]))) {
    outcome = rg_shm_lacks(&pool) ? rg_shm_deny(&pool, clock, reader, result)
                                  : rg_shm_spend_slices(&pool, clock, reader.coarse(reader.of),
                                                        reader.coarse_lag_ns, result);
    if (RG_LIKELY(outcome == RG_SHM_DECIDED)) return outcome;
  }
  return rg_shm_decide_slices_after(outcome, view, clock, &pool, hint, probed, reader, result);
}

#endif
