/* Asks the daemon about a limit: by CHECK, PEEK or ACQUIRE, which answer six integers, or by CHECKX
 * or ACQUIREX, which answer a map that has the receipt as well. Nothing is allocated for that, but
 * for who wants the whole map: the request and the answer lie on the stack. */
#include <errno.h>
#include <stdbool.h>

#include "client/api/client.h"
#include "client/wire/exchange.h"
#include "client/wire/failure.h"
#include "client/wire/integers.h"
#include "client/wire/map.h"
#include "client/wire/reply.h"

enum { ALLOWED, LIMIT, REMAINING, RETRY_AFTER_MS, RESET_AFTER_MS, REASON, RECEIPT, FIELDS };

static const char* const names[FIELDS] = {"allowed",        "limit",  "remaining", "retry_after_ms",
                                          "reset_after_ms", "reason", "receipt"};

_Static_assert(RG_MAX_MAP >= RG_MAX_INTEGERS, "room for either answer");

static bool in_range(const int64_t field[FIELDS]) {
  return field[ALLOWED] >= 0 && field[ALLOWED] <= 1 && field[REASON] >= 0 &&
         field[REASON] <= INT32_MAX && field[RECEIPT] >= 0;
}

/* Both return what rg_answer's look does of such an answer, and its fields once that is whole. */
static int64_t read_integers(const struct rg_answer* answer, int64_t field[FIELDS]) {
  field[RECEIPT] = 0; /* is not told */
  const int64_t whole = rg_read_integers(answer->data, answer->size, RECEIPT, field);
  return whole > 0 && !in_range(field) ? -EPROTO : whole;
}
static int64_t read_map(const struct rg_answer* answer, int64_t field[FIELDS]) {
  const int64_t whole = rg_read_map(answer->data, answer->size, names, FIELDS, field);
  return whole > 0 && !in_range(field) ? -EPROTO : whole;
}

static int64_t look_at_integers(const struct rg_answer* answer) {
  int64_t field[FIELDS];
  return read_integers(answer, field);
}
static int64_t look_at_map(const struct rg_answer* answer) {
  int64_t field[FIELDS];
  return read_map(answer, field);
}

static const struct {
  const char* word;
  bool waits;
  int64_t (*look)(const struct rg_answer* answer);
  int64_t (*read)(const struct rg_answer* answer, int64_t field[FIELDS]);
} verbs[] = {
    [RG_CHECK] = {"CHECK", false, look_at_integers, read_integers},
    [RG_CHECKX] = {"CHECKX", false, look_at_map, read_map},
    [RG_PEEK] = {"PEEK", false, look_at_integers, read_integers},
    [RG_ACQUIRE] = {"ACQUIRE", true, look_at_integers, read_integers},
    [RG_ACQUIREX] = {"ACQUIREX", true, look_at_map, read_map},
};

static int keep_whole(const struct rg_answer* answer, rategate_reply** whole,
                      rategate_error* error) {
  struct rg_scan scan = {.missing = 1};
  rategate_reply* reply = NULL;
  const int scanned = rg_scan_on(&scan, answer->data, answer->size);
  const int rc = scanned == 1 ? rg_make_reply(&scan, answer->data, &reply) : -EPROTO;
  if (rc != 0) return rg_fail_system(error, rc, "cannot read the answer", "");
  rategate_reply_free(*whole);
  *whole = reply;
  return 0;
}

int rg_ask_daemon(const rategate_limit* limit, const struct rg_question* question,
                  const struct rg_call* call, rategate_decision* decision,
                  struct rg_connection** kept) {
  const enum rg_verb verb = question->verb;
  rg_after_fork(limit->client);
  char asked[RG_MAX_QUESTION];
  char answered[RG_MAX_MAP];
  struct rg_request request = {.data = asked};
  struct rg_answer answer = {
      .data = answered, .capacity = sizeof answered, .look = verbs[verb].look};
  rg_put_question(&request, verbs[verb].word, &limit->name, question->key, question->key_size,
                  question->cost, verbs[verb].waits ? question->timeout_ms : -1);
  int rc = rg_exchange(&limit->client->connections, &request, &answer, call, kept);
  if (rc != 0) return rc;
  if (question->whole != NULL) {
    rc = keep_whole(&answer, question->whole, call->error);
    if (rc != 0 && kept != NULL) rg_connections_give(&limit->client->connections, *kept);
    if (rc != 0) return rc;
  }
  int64_t field[FIELDS];
  verbs[verb].read(&answer, field);
  *decision = (rategate_decision){.allowed = (int32_t)field[ALLOWED],
                                  .limit = field[LIMIT],
                                  .remaining = field[REMAINING],
                                  .retry_after_ms = field[RETRY_AFTER_MS],
                                  .reset_after_ms = field[RESET_AFTER_MS],
                                  .reason = (int32_t)field[REASON],
                                  .window_end_ms = field[RECEIPT]};
  return 0;
}
