#include "client/shared/in_place.h"

#include <errno.h>

#include "client/shared/decide_in_place.h"
#include "client/shared/shm_check.h"
#include "shm/identity.h"

#define MAX_WAIT_NS RG_NS_PER_MS
#define MAX_WAITS 3

static void wait_until(int64_t moment_ns) {
  const struct timespec moment = rg_timespec(moment_ns);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR) {
  }
}

bool rg_decide_precisely(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                         const struct rg_identity* key, int64_t cost, rategate_decision* decision,
                         int64_t* started_ns) {
  for (int waits = 0;; ++waits) {
    const int64_t now_ns = rg_now();
    if (waits == 0) *started_ns = now_ns;
    const uint32_t hint =
        key != NULL ? RG_SHM_NO_HINT : atomic_load_explicit(&known->slot, memory_order_relaxed);
    struct rg_shm_result result;
    const enum rg_shm_outcome outcome =
        rg_shm_check(&known->view, &known->rule, key, hint, cost, now_ns, 0, &result);
    if (outcome == RG_SHM_DECIDED) {
      rg_tell_decision(limit, known, key, hint, now_ns, &result, decision);
      return true;
    }
    if (outcome == RG_SHM_MISS || waits == MAX_WAITS || result.wait_ns >= MAX_WAIT_NS) return false;
    wait_until(now_ns + result.wait_ns);
  }
}

bool rg_decide_otherwise(enum rg_shm_outcome outcome, const struct rg_shared_limit* limit,
                         struct rg_shared_rule* known, const struct rg_identity* key, int64_t cost,
                         int64_t coarse_ns, rategate_decision* decision, int64_t* started_ns) {
  if (outcome == RG_SHM_MISS) {
    struct rg_shm_result result;
    outcome = rg_shm_check_elsewhere(&known->view, &known->rule, key, cost, coarse_ns,
                                     limit->shared->coarse_lag_ns, &result);
    if (outcome == RG_SHM_DECIDED) {
      const uint32_t hint =
          key != NULL ? RG_SHM_NO_HINT : atomic_load_explicit(&known->slot, memory_order_relaxed);
      rg_tell_decision(limit, known, key, hint, coarse_ns, &result, decision);
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
