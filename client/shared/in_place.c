#include "client/shared/in_place.h"

#include <errno.h>
#include <time.h>

#include "client/api/client.h"
#include "client/shared/shm_decide.h"
#include "client/wire/deadline.h"

#define COARSE_FROM_PERIOD_MS 200 /* for shorter ones the coarse clock would hardly ever do */
#define MAX_WAIT_NS RG_NS_PER_MS
#define MAX_WAITS 3

/* The way that is meant to take nanoseconds. It has no buffer that could overflow, and a canary
 * takes a tenth of its time. */
#define RG_HOT __attribute__((no_stack_protector))

static void wait_until(int64_t moment_ns) {
  const struct timespec moment = rg_timespec(moment_ns);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR) {
  }
}

/* By the precise clock, and over the edge of a window where that is near. */
static __attribute__((noinline)) bool decide_precisely(const rategate_limit* limit,
                                                       struct rg_shared_rule* known,
                                                       const struct rg_identity* key, int64_t cost,
                                                       rategate_decision* decision,
                                                       int64_t* started_ns);

/* The answer of one look that has decided. */
RG_INLINE void tell(const rategate_limit* limit, struct rg_shared_rule* known,
                    const struct rg_identity* key, uint32_t hint, int64_t now_ns,
                    const struct rg_shm_result* result, rategate_decision* decision) {
  decision->allowed = result->allowed;
  decision->reason = result->allowed ? RATEGATE_COUNTED : RATEGATE_OVER_LIMIT;
  decision->limit = known->rule.limit;
  decision->remaining = result->remaining;
  decision->retry_after_ms = result->allowed ? 0 : result->reset_after_ms;
  decision->reset_after_ms = result->reset_after_ms;
  decision->window_end_ms = result->window_end_ms;
  decision->decided_ns = now_ns;
  if (key == NULL && hint != result->slot) {
    atomic_store_explicit(&known->slot, result->slot, memory_order_relaxed);
  }
  if (result->nudge) rg_nudge(&limit->client->shared, result->slot);
}

RG_INLINE bool decide(const rategate_limit* limit, struct rg_shared_rule* known,
                      const struct rg_identity* key, int64_t cost, rategate_decision* decision,
                      int64_t* started_ns) {
  if (known->rule.period_ms < COARSE_FROM_PERIOD_MS) {
    return decide_precisely(limit, known, key, cost, decision, started_ns);
  }
  const uint32_t hint =
      key != NULL ? RG_SHM_NO_HINT : atomic_load_explicit(&known->slot, memory_order_relaxed);
  struct timespec coarse;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
  const int64_t now_ns = rg_nanoseconds(&coarse);
  struct rg_shm_result result;
  const enum rg_shm_outcome outcome =
      rg_shm_decide(&known->view, &known->rule, key, hint, cost, now_ns,
                    limit->client->shared.coarse_lag_ns, &result);
  if (RG_LIKELY(outcome == RG_SHM_DECIDED)) {
    tell(limit, known, key, hint, now_ns, &result, decision);
    return true;
  }
  return outcome == RG_SHM_BETWEEN &&
         decide_precisely(limit, known, key, cost, decision, started_ns);
}

static bool decide_precisely(const rategate_limit* limit, struct rg_shared_rule* known,
                             const struct rg_identity* key, int64_t cost,
                             rategate_decision* decision, int64_t* started_ns) {
  for (int waits = 0;; ++waits) {
    const int64_t now_ns = rg_now();
    if (waits == 0) *started_ns = now_ns;
    const uint32_t hint =
        key != NULL ? RG_SHM_NO_HINT : atomic_load_explicit(&known->slot, memory_order_relaxed);
    struct rg_shm_result result;
    const enum rg_shm_outcome outcome =
        rg_shm_check(&known->view, &known->rule, key, hint, cost, now_ns, 0, &result);
    if (outcome == RG_SHM_DECIDED) {
      tell(limit, known, key, hint, now_ns, &result, decision);
      return true;
    }
    if (outcome == RG_SHM_MISS || waits == MAX_WAITS || result.wait_ns >= MAX_WAIT_NS) return false;
    wait_until(now_ns + result.wait_ns);
  }
}

static __attribute__((noinline)) RG_HOT bool decide_for_key(
    const rategate_limit* limit, struct rg_shared_rule* known, const void* key, size_t key_size,
    int64_t cost, rategate_decision* decision, int64_t* started_ns) {
  const struct rg_identity id =
      rg_identity_of(known->rule.id, key, key_size, known->view.digest_secret);
  return decide(limit, known, &id, cost, decision, started_ns);
}

RG_INLINE bool check_in_place(const rategate_limit* limit, const void* key, size_t key_size,
                              int64_t cost, rategate_decision* decision, int64_t* started_ns) {
  /* Acquire: it is seen whole, and so is its segment. That one may have been replaced: then it is
   * zeros, which miss. */
  struct rg_shared_rule* known =
      atomic_load_explicit(&limit->shared_rule[key_size > 0], memory_order_acquire);
  *started_ns = 0;
  if (known == NULL || !known->rule.shared || !rg_rules_are(known)) {
    return false;
  }
  if (key_size > 0 && known->rule.keyed) {
    return decide_for_key(limit, known, key, key_size, cost, decision, started_ns);
  }
  return decide(limit, known, NULL, cost, decision, started_ns);
}

bool rg_check_in_place(const rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                       rategate_decision* decision, int64_t* started_ns) {
  return check_in_place(limit, key, key_size, cost, decision, started_ns);
}

static __attribute__((noinline)) int check_by_daemon(rategate_limit* limit, const void* key,
                                                     size_t key_size, int64_t cost,
                                                     int64_t started_ns,
                                                     rategate_decision* decision,
                                                     rategate_error* error) {
  if (started_ns == 0) started_ns = rg_now();
  const struct rg_call call = {
      .deadline = rg_after_ms(started_ns, (int64_t)limit->client->timeout_ms),
      .cancel_fd = -1,
      .error = error};
  return rg_check_by_daemon(limit, key, key_size, cost, &call, decision);
}

RG_HOT int rategate_check(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                          rategate_decision* decision, rategate_error* error) {
  const bool in_range = limit != NULL && decision != NULL && (key != NULL || key_size == 0) &&
                        key_size <= RATEGATE_MAX_KEY && cost >= 1 && cost <= RATEGATE_MAX_COST;
  if (!RG_LIKELY(in_range)) {
    return rg_look_at_arguments(limit, key, key_size, cost, decision, error);
  }
  int64_t started_ns;
  if (RG_LIKELY(check_in_place(limit, key, key_size, cost, decision, &started_ns))) return 0;
  return check_by_daemon(limit, key, key_size, cost, started_ns, decision, error);
}
