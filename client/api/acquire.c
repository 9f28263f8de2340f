/* rategate_acquire and rategate_acquirex: waiting for a permit. The daemon is asked by ACQUIRE, and
 * answers when there is one; a daemon that has no ACQUIRE is asked by CHECK again and again. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/api/client.h"
#include "client/api/waiting.h"
#include "client/shared/in_place.h"
#include "client/wire/failure.h"

struct acquiring {
  rategate_limit* limit;
  struct rg_question question;
  bool polls; /* the daemon has no ACQUIRE */
};

/* One that also keeps why it was answered last by no decision. */
struct acquiring_whole {
  struct acquiring acquiring;
  int failed; /* 0: it was a decision */
  rategate_error told;
};

static bool is_unknown_verb(int code, const rategate_error* told) {
  static const char start[] = "ERR unknown command";
  return code == -EREMOTEIO && strncmp(told->text, start, sizeof start - 1) == 0;
}

static bool wants_map(const struct acquiring* acquiring) {
  return acquiring->limit->client->receipts || acquiring->question.whole != NULL;
}

static int ask_by_check(struct acquiring* acquiring, const struct rg_call* call,
                        rategate_decision* answer) {
  acquiring->question.verb = wants_map(acquiring) ? RG_CHECKX : RG_CHECK;
  return rg_take_by_daemon(acquiring->limit, &acquiring->question, call, answer);
}

/* Asks once: in place, or the daemon, which waits for as long as the call has time. */
static int ask(void* context, struct rg_waiting* waiting, struct rg_call* call,
               rategate_decision* answer) {
  struct acquiring* acquiring = context;
  rategate_limit* limit = acquiring->limit;
  struct rg_question* question = &acquiring->question;
  const int64_t left_ms = rg_begin_asking(waiting, limit->client, call);
  const bool waits = left_ms > 0 && !acquiring->polls;
  int64_t started_ns;
  /* What is decided in place has no more to tell. */
  if (question->whole == NULL &&
      rg_check_in_place(&limit->in_place, question->key, question->key_size, question->cost, answer,
                        &started_ns) &&
      (answer->allowed || !waits)) {
    return 0;
  }
  if (!waits) return ask_by_check(acquiring, call, answer);
  question->verb = wants_map(acquiring) ? RG_ACQUIREX : RG_ACQUIRE;
  question->timeout_ms = left_ms;
  struct rg_call patient = *call;
  rg_be_patient(&patient, left_ms);
  const int rc = rg_take_by_daemon(limit, question, &patient, answer);
  if (!is_unknown_verb(rc, call->error)) return rc;
  waiting->reached = acquiring->polls = true;
  return ask_by_check(acquiring, call, answer);
}

static int deny(const rategate_decision* denial, int64_t cost, int64_t timeout_ms,
                rategate_error* error) {
  if (denial->reason == RATEGATE_BLOCKED) return rg_fail(error, -ERANGE, "the key is blocked");
  if (denial->reason == RATEGATE_NEVER_FITS || denial->retry_after_ms < 0) {
    return rg_fail(error, -ERANGE, "a cost of %lld never fits, with a limit of %lld",
                   (long long)cost, (long long)denial->limit);
  }
  return rg_fail(error, -ETIMEDOUT, "no permit in %lld ms", (long long)timeout_ms);
}

int rategate_acquire(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                     int64_t timeout_ms, rategate_decision* decision, rategate_error* error) {
  int rc = rg_look_at_arguments(limit, key, key_size, cost, decision, error);
  if (rc != 0) return rc;
  if (timeout_ms < -1) return rg_fail(error, -EINVAL, "a time-out below -1");
  rategate_decision answer;
  int64_t started_ns;
  /* Mostly a permit lies in place, and nothing below is needed. */
  if (!atomic_load(&limit->client->cancelled) &&
      rg_check_in_place(&limit->in_place, key, key_size, cost, &answer, &started_ns) &&
      answer.allowed) {
    *decision = answer;
    return 0;
  }
  struct acquiring acquiring = {.limit = limit,
                                .question = {.key = key, .key_size = key_size, .cost = cost}};
  rc = rg_wait_until_allowed(limit, timeout_ms, ask, &acquiring, &answer, error);
  if (rc != 0) return rc;
  if (!answer.allowed) return deny(&answer, cost, timeout_ms, error);
  *decision = answer;
  return 0;
}

static int ask_whole(void* context, struct rg_waiting* waiting, struct rg_call* call,
                     rategate_decision* answer) {
  struct acquiring_whole* whole = context;
  whole->failed = ask(&whole->acquiring, waiting, call, answer);
  if (whole->failed != 0) whole->told = *call->error;
  return whole->failed;
}

int rategate_acquirex(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                      int64_t timeout_ms, rategate_reply** reply, rategate_error* error) {
  rategate_decision answer = {.allowed = 0};
  int rc = rg_look_at_arguments(limit, key, key_size, cost, &answer, error);
  if (rc != 0) return rc;
  if (reply == NULL) return rg_fail(error, -EINVAL, "no place for the answer");
  if (timeout_ms < -1) return rg_fail(error, -EINVAL, "a time-out below -1");
  rategate_reply* told = NULL;
  struct acquiring_whole whole = {
      .acquiring = {.limit = limit,
                    .question = {.key = key, .key_size = key_size, .cost = cost, .whole = &told}}};
  rc = rg_wait_until_allowed(limit, timeout_ms, ask_whole, &whole, &answer, error);
  /* What kept it waiting says more than that its time was over. */
  if (rc == -ETIMEDOUT && whole.failed != 0) {
    rc = rg_fail(error, whole.failed, "%s", whole.told.text);
  }
  if (rc != 0) {
    rategate_reply_free(told); /* an earlier denial */
    return rc;
  }
  *reply = told;
  return 0;
}
