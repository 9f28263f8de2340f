/* The decision of client/shared/in_place.h as a function that is compiled into its caller, since a
 * call would take a good part of its time. Rare turns are calls, in client/shared/in_place.c. */
#ifndef RATEGATE_CLIENT_SHARED_DECIDE_IN_PLACE_H
#define RATEGATE_CLIENT_SHARED_DECIDE_IN_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "client/shared/attach.h"
#include "client/shared/shared_rule.h"
#include "client/shared/shm_decide.h"
#include "client/wire/deadline.h"
#include "rategate/rategate.h"

/* A check in place has no buffer that could overflow, and a canary takes a tenth of its time. */
#define RG_HOT __attribute__((no_stack_protector))

/* Decides of a limit whose permits are leased in slices. */
bool rg_decide_slices(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                      const struct rg_identity* key, int64_t cost, rategate_decision* decision,
                      int64_t* started_ns);

/* Decides by the precise clock, and waits for the edge of a window to pass where it is near. */
bool rg_decide_precisely(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                         const struct rg_identity* key, int64_t cost, rategate_decision* decision,
                         int64_t* started_ns);

/* Decides what the coarse clock's reading did not suffice for, or what has another clock. */
bool rg_decide_otherwise(enum rg_shm_outcome outcome, const struct rg_shared_limit* limit,
                         struct rg_shared_rule* known, const struct rg_identity* key, int64_t cost,
                         int64_t coarse_ns, rategate_decision* decision, int64_t* started_ns);

/* Decides for a key that is not empty. */
bool rg_decide_for_key(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                       const void* key, size_t key_size, int64_t cost, rategate_decision* decision,
                       int64_t* started_ns);

RG_INLINE int32_t rg_reason_of(const struct rg_shm_result* result) {
  if (result->allowed) return RATEGATE_COUNTED;
  return result->blocked ? RATEGATE_BLOCKED : RATEGATE_OVER_LIMIT;
}

/* Makes the caller's decision of a look at the segment that has decided. */
RG_INLINE void rg_tell_decision(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                                const struct rg_identity* key, uint32_t hint, int64_t now_ns,
                                const struct rg_shm_result* result, rategate_decision* decision) {
  decision->allowed = result->allowed;
  decision->reason = rg_reason_of(result);
  decision->limit = result->limit;
  decision->remaining = result->remaining;
  decision->retry_after_ms = result->allowed ? 0 : result->retry_after_ms;
  decision->reset_after_ms = result->reset_after_ms;
  decision->window_end_ms = result->window_end_ms;
  decision->decided_ns = now_ns;
  if (key == NULL && hint != result->slot) {
    atomic_store_explicit(&known->slot, result->slot, memory_order_relaxed);
  }
  if (result->nudge) rg_nudge(limit->shared, result->slot);
}

/* CLOCK_MONOTONIC, by the sister that is read faster and lags behind. */
RG_INLINE int64_t rg_coarse_now(void) {
  struct timespec coarse;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
  return rg_nanoseconds(&coarse);
}

/* Decides by the coarse clock where that is enough, and else by the precise one. */
RG_INLINE bool rg_decide_quickly(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                                 const struct rg_identity* key, int64_t cost,
                                 rategate_decision* decision, int64_t* started_ns) {
  if (!RG_LIKELY(known->is_quick)) {
    return known->rule.kind == RG_RULE_WINDOWS
               ? rg_decide_precisely(limit, known, key, cost, decision, started_ns)
               : rg_decide_slices(limit, known, key, cost, decision, started_ns);
  }
  const uint32_t hint =
      key != NULL ? RG_SHM_NO_HINT : atomic_load_explicit(&known->slot, memory_order_relaxed);
  const int64_t now_ns = rg_coarse_now();
  struct rg_shm_result result;
  const enum rg_shm_outcome outcome = rg_shm_decide(&known->view, &known->rule, key, hint, cost,
                                                    now_ns, limit->shared->coarse_lag_ns, &result);
  if (RG_LIKELY(outcome == RG_SHM_DECIDED)) {
    rg_tell_decision(limit, known, key, hint, now_ns, &result, decision);
    return true;
  }
  return rg_decide_otherwise(outcome, limit, known, key, cost, now_ns, decision, started_ns);
}

/* Decides where a limit has no permits of its own in the segment: by its members, if it has some.
 */
bool rg_decide_by_members(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                          const void* key, size_t key_size, int64_t cost,
                          rategate_decision* decision, int64_t* started_ns);

RG_INLINE bool rg_decide_in_place(const struct rg_shared_limit* limit, const void* key,
                                  size_t key_size, int64_t cost, rategate_decision* decision,
                                  int64_t* started_ns) {
  /* Acquire: the rule is seen whole, and so is its segment. A segment that has been replaced is
   * zeros, in which no pool is found. */
  struct rg_shared_rule* known =
      atomic_load_explicit(&limit->rule[key_size > 0], memory_order_acquire);
  *started_ns = 0;
  if (known == NULL || !rg_rules_are(known)) return false;
  if (!RG_LIKELY(known->rule.shared)) {
    return rg_decide_by_members(limit, known, key, key_size, cost, decision, started_ns);
  }
  if (key_size > 0 && known->rule.keyed) {
    return rg_decide_for_key(limit, known, key, key_size, cost, decision, started_ns);
  }
  return rg_decide_quickly(limit, known, NULL, cost, decision, started_ns);
}

#endif
