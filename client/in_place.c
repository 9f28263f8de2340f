#include "client/in_place.h"

#include <errno.h>
#include <time.h>

#include "client/client.h"
#include "client/deadline.h"

#define COARSE_FROM_PERIOD_MS 200 /* for shorter ones the coarse clock would hardly ever do */
#define MAX_WAIT_NS RG_NS_PER_MS
#define MAX_WAITS 3

/* One look, at one reading of a clock. */
static inline enum rg_shm_outcome look(const struct rg_shared_rule* known,
                                       const struct rg_identity* id, int64_t cost, int64_t now_ns,
                                       int64_t lag_ns, struct rg_shm_result* result) {
  const struct rg_shm_view* view = &known->segment->view;
  if (id != NULL) {
    return rg_shm_check(view, &known->rule, id, RG_SHM_NO_HINT, cost, now_ns, lag_ns, result);
  }
  const uint32_t hint = atomic_load_explicit(&known->slot, memory_order_relaxed);
  return rg_shm_check_keyless(view, &known->rule, hint, cost, now_ns, lag_ns, result);
}

static void wait_until(int64_t moment_ns) {
  const struct timespec moment = rg_timespec(moment_ns);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR) {
  }
}

/* By the precise clock, and over the edge of a window where that is near. */
static __attribute__((noinline)) enum rg_shm_outcome look_precisely(
    const struct rg_shared_rule* known, const struct rg_identity* id, int64_t cost, int64_t* now_ns,
    int64_t* started_ns, struct rg_shm_result* result) {
  for (int waits = 0;; ++waits) {
    *now_ns = rg_now();
    if (waits == 0) *started_ns = *now_ns;
    const enum rg_shm_outcome outcome = look(known, id, cost, *now_ns, 0, result);
    if (outcome != RG_SHM_BETWEEN) return outcome;
    if (waits == MAX_WAITS || result->wait_ns >= MAX_WAIT_NS) return RG_SHM_MISS;
    wait_until(*now_ns + result->wait_ns);
  }
}

static inline bool decide(const rategate_limit* limit, struct rg_shared_rule* known,
                          const struct rg_identity* id, int64_t cost, rategate_decision* decision,
                          int64_t* started_ns) {
  const struct rg_shared* shared = &limit->client->shared;
  struct rg_shm_result result;
  int64_t now_ns = 0;
  enum rg_shm_outcome outcome = RG_SHM_BETWEEN;
  if (known->rule.period_ms >= COARSE_FROM_PERIOD_MS) {
    struct timespec coarse;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
    now_ns = rg_nanoseconds(&coarse);
    outcome = look(known, id, cost, now_ns, shared->coarse_lag_ns, &result);
  }
  if (outcome == RG_SHM_BETWEEN) {
    outcome = look_precisely(known, id, cost, &now_ns, started_ns, &result);
  }
  if (outcome != RG_SHM_DECIDED) return false;

  decision->allowed = result.allowed;
  decision->reason = result.allowed ? RATEGATE_COUNTED : RATEGATE_OVER_LIMIT;
  decision->limit = known->rule.limit;
  decision->remaining = result.remaining;
  decision->retry_after_ms = result.allowed ? 0 : result.reset_after_ms;
  decision->reset_after_ms = result.reset_after_ms;
  decision->window_end_ms = result.window_end_ms;
  decision->decided_ns = now_ns;
  if (id == NULL && atomic_load_explicit(&known->slot, memory_order_relaxed) != result.slot) {
    atomic_store_explicit(&known->slot, result.slot, memory_order_relaxed);
  }
  if (result.nudge) rg_nudge(shared, result.slot);
  return true;
}

bool rg_check_in_place(const rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                       rategate_decision* decision, int64_t* started_ns) {
  *started_ns = 0;
  /* Acquire: it is seen whole, and so is its segment. That one may have been replaced: then it is
   * zeros, which miss. */
  struct rg_shared_rule* known =
      atomic_load_explicit(&limit->shared_rule[key_size > 0], memory_order_acquire);
  if (known == NULL || !known->rule.shared || rg_rules_of(known->segment) != known->rules) {
    return false;
  }
  if (key_size == 0 || !known->rule.keyed) {
    return decide(limit, known, NULL, cost, decision, started_ns);
  }
  const struct rg_identity id =
      rg_identity_of(known->rule.id, key, key_size, known->segment->view.digest_secret);
  return decide(limit, known, &id, cost, decision, started_ns);
}
