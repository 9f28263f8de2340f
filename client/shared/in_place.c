#include "client/shared/in_place.h"

#include <errno.h>

#include "client/shared/decide_in_place.h"
#include "client/shared/read_clock.h"
#include "client/shared/shm_check.h"
#include "client/shared/shm_slices.h"
#include "shm/identity.h"

#define MAX_WAIT_NS RG_NS_PER_MS
#define MAX_WAITS 3

static void wait_until(int64_t moment_ns) {
  const struct timespec moment = rg_timespec(moment_ns);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR) {
  }
}

static uint32_t hint_of(struct rg_shared_rule* known, const struct rg_identity* key) {
  return key != NULL ? RG_SHM_NO_HINT : atomic_load_explicit(&known->slot, memory_order_relaxed);
}

/* Once more, and by another clock, where the first attempt has missed. In a function of its own, so
 * that the hot one knows its reader's functions at compile time. */
static __attribute__((noinline)) enum rg_shm_outcome look_again(const struct rg_shared_limit* limit,
                                                                const struct rg_shared_rule* known,
                                                                const struct rg_identity* key,
                                                                uint32_t hint, int64_t cost,
                                                                int64_t* started_ns,
                                                                struct rg_shm_result* result) {
  const struct rg_shm_reader reader = rg_clock_reader(limit->shared, started_ns);
  return rg_shm_check_slices(&known->view, &known->rule, key, hint, cost, false, &reader, result);
}

RG_HOT bool rg_decide_slices(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                             const struct rg_identity* key, int64_t cost,
                             rategate_decision* decision, int64_t* started_ns) {
  const struct rg_shm_reader reader = rg_clock_reader(limit->shared, started_ns);
  const struct rg_shm_whose whose = {known->rule.id, key};
  const uint32_t hint = hint_of(known, key);
  struct rg_shm_result result;
  enum rg_shm_outcome outcome =
      rg_shm_decide_slices(&known->view, &known->view.header->clock[0], &known->rule, whose, hint,
                           false, cost, false, reader, &result);
  if (outcome == RG_SHM_MISS) {
    outcome = look_again(limit, known, key, hint, cost, started_ns, &result);
  }
  if (outcome != RG_SHM_DECIDED) return false;
  rg_tell_decision(limit, known, key, hint, result.read_ns, &result, decision);
  return true;
}

bool rg_decide_precisely(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                         const struct rg_identity* key, int64_t cost, rategate_decision* decision,
                         int64_t* started_ns) {
  for (int waits = 0;; ++waits) {
    const uint32_t hint = hint_of(known, key);
    struct rg_shm_result result;
    const int64_t now_ns = rg_read_precise(started_ns);
    const struct rg_shm_ask ask = {cost, now_ns, 0, false};
    const enum rg_shm_outcome outcome =
        rg_shm_check(&known->view, &known->rule, key, hint, ask, &result);
    if (outcome == RG_SHM_DECIDED) {
      rg_tell_decision(limit, known, key, hint, now_ns, &result, decision);
      return true;
    }
    if (outcome != RG_SHM_BETWEEN || waits == MAX_WAITS || result.wait_ns >= MAX_WAIT_NS) {
      return false;
    }
    wait_until(now_ns + result.wait_ns);
  }
}

bool rg_decide_otherwise(enum rg_shm_outcome outcome, const struct rg_shared_limit* limit,
                         struct rg_shared_rule* known, const struct rg_identity* key, int64_t cost,
                         int64_t coarse_ns, rategate_decision* decision, int64_t* started_ns) {
  if (outcome == RG_SHM_MISS) {
    struct rg_shm_result result;
    const struct rg_shm_ask ask = {cost, coarse_ns, limit->shared->coarse_lag_ns, false};
    outcome = rg_shm_check_elsewhere(&known->view, &known->rule, key, ask, &result);
    if (outcome == RG_SHM_DECIDED) {
      rg_tell_decision(limit, known, key, hint_of(known, key), coarse_ns, &result, decision);
      return true;
    }
  }
  return outcome == RG_SHM_BETWEEN &&
         rg_decide_precisely(limit, known, key, cost, decision, started_ns);
}

RG_HOT bool rg_decide_for_key(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                              const void* key, size_t key_size, int64_t cost,
                              rategate_decision* decision, int64_t* started_ns) {
  const struct rg_identity id =
      rg_identity_of(known->rule.id, key, key_size, known->view.digest_secret);
  return rg_decide_quickly(limit, known, &id, cost, decision, started_ns);
}

bool rg_check_in_place(const struct rg_shared_limit* limit, const void* key, size_t key_size,
                       int64_t cost, rategate_decision* decision, int64_t* started_ns) {
  return rg_decide_in_place(limit, key, key_size, cost, decision, started_ns);
}
