/* rategate_check: decided in place, or by the daemon. */
#include <errno.h>
#include <stdbool.h>

#include "client/api/client.h"
#include "client/shared/decide_in_place.h"
#include "client/wire/deadline.h"
#include "client/wire/failure.h"

/* The longest time to a window's end estimates the period of a limit that is known by its name
 * only. */
static void learn_period(rategate_limit* limit, int64_t reset_after_ms) {
  int64_t longest = atomic_load_explicit(&limit->longest_reset_ms, memory_order_relaxed);
  while (reset_after_ms > longest &&
         !atomic_compare_exchange_weak_explicit(&limit->longest_reset_ms, &longest, reset_after_ms,
                                                memory_order_relaxed, memory_order_relaxed)) {
  }
}

int rg_look_at_key(const rategate_limit* limit, const void* key, size_t key_size,
                   rategate_error* error) {
  if (limit == NULL || (key == NULL && key_size != 0)) {
    return rg_fail(error, -EINVAL, "no limit or no key");
  }
  if (key_size > RATEGATE_MAX_KEY) {
    return rg_fail(error, -EINVAL, "a key of %zu bytes; the most is %d", key_size,
                   RATEGATE_MAX_KEY);
  }
  return 0;
}

int rg_look_at_arguments(const rategate_limit* limit, const void* key, size_t key_size,
                         int64_t cost, const rategate_decision* decision, rategate_error* error) {
  const int rc = rg_look_at_key(limit, key, key_size, error);
  if (rc != 0) return rc;
  if (decision == NULL) return rg_fail(error, -EINVAL, "no place for the decision");
  if (cost < 1 || cost > RATEGATE_MAX_COST) {
    return rg_fail(error, -EINVAL, "a cost of %lld; it is 1 to %d", (long long)cost,
                   RATEGATE_MAX_COST);
  }
  return 0;
}

int rg_take_by_daemon(rategate_limit* limit, const struct rg_question* question,
                      const struct rg_call* call, rategate_decision* decision) {
  struct rg_connection* connection;
  const int rc = rg_ask_daemon(limit, question, call, decision, &connection);
  if (rc != 0) return rc;
  struct rg_call more = *call;
  if (call->patience_ns > 0) {
    more.patience_ns = 0;
    more.deadline = rg_after_ms(rg_now(), (int64_t)limit->client->timeout_ms);
  }
  learn_period(limit, decision->reset_after_ms);
  if (question->whole == NULL) {
    rg_attach(&limit->client->shared, connection, &more);
    learn_period(limit, rg_resolve_rule(&limit->in_place, &limit->name, question->key,
                                        question->key_size, connection, &more));
  }
  rg_connections_give(&limit->client->connections, connection);
  return 0;
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
  const struct rg_question question = {.verb = limit->client->receipts ? RG_CHECKX : RG_CHECK,
                                       .key = key,
                                       .key_size = key_size,
                                       .cost = cost};
  return rg_take_by_daemon(limit, &question, &call, decision);
}

RG_HOT int rategate_check(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                          rategate_decision* decision, rategate_error* error) {
  const bool in_range = limit != NULL && decision != NULL && (key != NULL || key_size == 0) &&
                        key_size <= RATEGATE_MAX_KEY && cost >= 1 && cost <= RATEGATE_MAX_COST;
  if (!RG_LIKELY(in_range)) {
    return rg_look_at_arguments(limit, key, key_size, cost, decision, error);
  }
  int64_t started_ns;
  if (RG_LIKELY(rg_decide_in_place(&limit->in_place, key, key_size, cost, decision, &started_ns))) {
    return 0;
  }
  return check_by_daemon(limit, key, key_size, cost, started_ns, decision, error);
}
