/* rategate_check: decided in place, or asked of the daemon by the CHECK verb, which answers six
 * integers. Nothing is allocated for that: the request and the answer lie on the stack. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/api/client.h"
#include "client/shared/decide_in_place.h"
#include "client/wire/deadline.h"
#include "client/wire/exchange.h"
#include "client/wire/failure.h"
#include "client/wire/integers.h"

enum { ALLOWED, LIMIT, REMAINING, RETRY_AFTER_MS, RESET_AFTER_MS, REASON, FIELDS };

/* Returns what rg_answer's look does of an answer to CHECK. Once that is whole, `decision` is what
 * it says; may be NULL. */
static int64_t read_decision(const struct rg_answer* answer, rategate_decision* decision) {
  int64_t field[FIELDS];
  const int64_t whole = rg_read_integers(answer->data, answer->size, FIELDS, field);
  if (whole <= 0) return whole;
  if (field[ALLOWED] < 0 || field[ALLOWED] > 1) return -EPROTO;
  if (field[REASON] < 0 || field[REASON] > INT32_MAX) return -EPROTO;
  if (decision != NULL) {
    *decision = (rategate_decision){.allowed = (int32_t)field[ALLOWED],
                                    .limit = field[LIMIT],
                                    .remaining = field[REMAINING],
                                    .retry_after_ms = field[RETRY_AFTER_MS],
                                    .reset_after_ms = field[RESET_AFTER_MS],
                                    .reason = (int32_t)field[REASON]};
  }
  return whole;
}

static int64_t look(const struct rg_answer* answer) { return read_decision(answer, NULL); }

/* The longest time to a window's end estimates the period of a limit that is known by its name
 * only. */
static void learn_period(rategate_limit* limit, int64_t reset_after_ms) {
  int64_t longest = atomic_load_explicit(&limit->longest_reset_ms, memory_order_relaxed);
  while (reset_after_ms > longest &&
         !atomic_compare_exchange_weak_explicit(&limit->longest_reset_ms, &longest, reset_after_ms,
                                                memory_order_relaxed, memory_order_relaxed)) {
  }
}

int rg_look_at_arguments(const rategate_limit* limit, const void* key, size_t key_size,
                         int64_t cost, const rategate_decision* decision, rategate_error* error) {
  if (limit == NULL || decision == NULL || (key == NULL && key_size != 0)) {
    return rg_fail(error, -EINVAL, "no limit, no key or no place for the decision");
  }
  if (key_size > RATEGATE_MAX_KEY) {
    return rg_fail(error, -EINVAL, "a key of %zu bytes; the most is %d", key_size,
                   RATEGATE_MAX_KEY);
  }
  if (cost < 1 || cost > RATEGATE_MAX_COST) {
    return rg_fail(error, -EINVAL, "a cost of %lld; it is 1 to %d", (long long)cost,
                   RATEGATE_MAX_COST);
  }
  return 0;
}

int rg_check_by_daemon(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                       const struct rg_call* call, rategate_decision* decision) {
  rg_after_fork(limit->client);
  char asked[RG_MAX_QUESTION];
  char answered[RG_MAX_INTEGERS];
  struct rg_request request = {.data = asked};
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .look = look};
  struct rg_connection* connection;
  rg_put_question(&request, "CHECK", &limit->name, key, key_size, cost);
  const int rc = rg_exchange(&limit->client->connections, &request, &answer, call, &connection);
  if (rc != 0) return rc;
  read_decision(&answer, decision);
  learn_period(limit, decision->reset_after_ms);
  rg_attach(&limit->client->shared, connection, call);
  learn_period(limit,
               rg_resolve_rule(&limit->in_place, &limit->name, key, key_size, connection, call));
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
  if (RG_LIKELY(rg_decide_in_place(&limit->in_place, key, key_size, cost, decision, &started_ns))) {
    return 0;
  }
  return check_by_daemon(limit, key, key_size, cost, started_ns, decision, error);
}
