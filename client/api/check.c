/* The call: decided in place, or by the CHECK verb, with its request and its answer of six
 * integers. Nothing is allocated for it: both live on the stack. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/api/client.h"
#include "client/shared/in_place.h"
#include "client/wire/deadline.h"
#include "client/wire/exchange.h"
#include "client/wire/failure.h"
#include "client/wire/integers.h"

#define MAX_REQUEST                                                              \
  (RG_MAX_HEADER + RG_MAX_WORD(5) + RG_MAX_WORD(RATEGATE_MAX_NAME) +             \
   RG_MAX_WORD(RATEGATE_MAX_KEY) + RG_MAX_WORD(4) + RG_MAX_WORD(RG_MAX_NUMBER) + \
   RG_MAX_DECLARATION)
#define FIELDS 6
#define MAX_ANSWER 512 /* six integers are 143 bytes at most; an error line may be longer */

static void write_request(struct rg_request* request, const rategate_limit* limit, const void* key,
                          size_t key_size, int64_t cost) {
  const bool declared = limit->declaration.size > 0;
  const size_t words = 2 + (size_t)(key_size > 0) + (cost != 1 ? 2U : 0U) + (declared ? 4U : 0U);
  rg_put_count(request, words);
  rg_put_text(request, "CHECK");
  rg_put_text(request, limit->name);
  if (key_size > 0) rg_put_word(request, key, key_size);
  if (cost != 1) {
    rg_put_text(request, "COST");
    rg_put_number(request, cost, "");
  }
  rg_put_raw(request, limit->declaration.data, limit->declaration.size);
}

/* As the look of an answer, with the decision in `decision` once it is whole. */
static int64_t read_decision(const struct rg_answer* answer, rategate_decision* decision) {
  int64_t field[FIELDS];
  const int64_t whole = rg_read_integers(answer->data, answer->size, FIELDS, field);
  if (whole <= 0) return whole;
  if (field[0] < 0 || field[0] > 1 || field[5] < 0 || field[5] > INT32_MAX) return -EPROTO;
  if (decision != NULL) {
    *decision = (rategate_decision){.allowed = (int32_t)field[0],
                                    .limit = field[1],
                                    .remaining = field[2],
                                    .retry_after_ms = field[3],
                                    .reset_after_ms = field[4],
                                    .reason = (int32_t)field[5]};
  }
  return whole;
}

static int64_t look(const struct rg_answer* answer) { return read_decision(answer, NULL); }

/* An estimate of the period for limits of which only the name is known. */
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
  char asked[MAX_REQUEST];
  char answered[MAX_ANSWER];
  struct rg_request request = {.data = asked};
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .look = look};
  struct rg_connection* connection;
  write_request(&request, limit, key, key_size, cost);
  const int rc = rg_exchange(&limit->client->connections, &request, &answer, call, &connection);
  if (rc != 0) return rc;
  read_decision(&answer, decision);
  learn_period(limit, decision->reset_after_ms);
  rg_attach(limit->client, connection, call);
  learn_period(limit, rg_resolve_rule(limit, key, key_size, connection, call));
  rg_connections_give(&limit->client->connections, connection);
  return 0;
}
