/* rategate_acquire: waiting for a permit. The daemon is asked by ACQUIRE, and answers when there is
 * one; a daemon that has no ACQUIRE is asked by CHECK again and again. Those who were denied
 * together ask again at moments that are spread, so that they do not come back as one. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "client/api/client.h"
#include "client/shared/in_place.h"
#include "client/wire/deadline.h"
#include "client/wire/failure.h"

#define MAX_JITTER_MS 100
#define OUTAGE_PAUSE_MS 50 /* between two attempts to ask a daemon that has gone */
/* How long the daemon is asked to wait at most. Where the call has no end, one that hangs is to be
 * noticed; and else no daemon waits for longer. */
#define ENDLESS_ASK_MS (60 * INT64_C(1000))
#define LONGEST_ASK_MS (3600 * INT64_C(1000))
/* Who is told to wait for longer asks again between half of this and all of it: the limit may have
 * been raised meanwhile. */
#define LOOK_AGAIN_MS 2000

/* A number of nanoseconds below `bound`. */
static int64_t random_below(int64_t bound) {
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) {
    bits = (uint64_t)rg_now(); /* no random bytes early at boot: callers differ by their clocks */
  }
  return bound > 0 ? (int64_t)(bits % (uint64_t)bound) : 0;
}

static int64_t jitter(const rategate_limit* limit) {
  int64_t period_ms = limit->period_ms;
  if (period_ms == 0) {
    period_ms = atomic_load_explicit(&limit->longest_reset_ms, memory_order_relaxed);
  }
  const int64_t most_ms = period_ms < 10 * (int64_t)MAX_JITTER_MS ? period_ms : 10 * MAX_JITTER_MS;
  return random_below(most_ms * RG_NS_PER_MS / 10 + 1);
}

/* Errors that a daemon gives while it is restarted or has lost its store. */
static bool may_pass(int code) {
  return code == -ECONNREFUSED || code == -ECONNRESET || code == -ESHUTDOWN || code == -EAGAIN ||
         code == -EUSERS || code == -EBUSY || code == -EHOSTDOWN;
}

/* Errors by which the daemon answers, or loses what it was asked. */
static bool is_of_daemon(int code) {
  return may_pass(code) && code != -ECONNREFUSED && code != -EHOSTDOWN;
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

struct waiting {
  int64_t deadline;   /* of the whole call */
  int64_t asked;      /* when it was asked last */
  int64_t wake;       /* when to ask again */
  bool reached;       /* a daemon was asked in this call, so that errors may be of a restart */
  bool polls;         /* the daemon has no ACQUIRE */
  int64_t outage_end; /* errors are waited out until then. RG_NEVER: there is no outage */
};

/* What to do about a denial: 0 to ask again at `wake`, or what the call fails with. */
static int after_denial(struct waiting* waiting, const rategate_limit* limit, int64_t cost,
                        const rategate_decision* denial, rategate_error* error) {
  if (denial->reason == RATEGATE_NEVER_FITS || denial->retry_after_ms < 0) {
    if (denial->reason == RATEGATE_BLOCKED) return rg_fail(error, -ERANGE, "the key is blocked");
    return rg_fail(error, -ERANGE, "a cost of %lld never fits, with a limit of %lld",
                   (long long)cost, (long long)denial->limit);
  }
  waiting->reached = true;
  waiting->outage_end = RG_NEVER;
  const int64_t now = rg_now();
  /* The wait is a millisecond at least, so that no answer makes the call spin. */
  const int64_t told = rg_after_ms(now, later(denial->retry_after_ms, 1));
  const int64_t spread = jitter(limit);
  const int64_t look_again =
      rg_after_ms(now, LOOK_AGAIN_MS / 2) + random_below(LOOK_AGAIN_MS / 2 * RG_NS_PER_MS);
  waiting->wake = earlier(told > RG_NEVER - spread ? RG_NEVER : told + spread, look_again);
  return 0;
}

static bool is_unknown_verb(int code, const rategate_error* told) {
  static const char start[] = "ERR unknown command";
  return code == -EREMOTEIO && strncmp(told->text, start, sizeof start - 1) == 0;
}

/* What to do about an error, with the same results. */
static int after_error(struct waiting* waiting, const rategate_client* client, int code,
                       const rategate_error* told) {
  const int64_t now = rg_now();
  waiting->wake = now;
  if (!waiting->polls && is_unknown_verb(code, told)) {
    waiting->reached = waiting->polls = true;
    return 0;
  }
  /* -ETIMEDOUT tells the caller that its own time is over, and nothing else. */
  if (code == -ETIMEDOUT && now < waiting->deadline) code = -EHOSTDOWN;
  if (is_of_daemon(code)) {
    waiting->reached = true;
    /* It was there, and let this call wait. */
    if (now - waiting->asked > client->timeout_ms * RG_NS_PER_MS) waiting->outage_end = RG_NEVER;
  }
  if (!waiting->reached || !may_pass(code) || now >= waiting->outage_end) return code;
  const bool first = waiting->outage_end == RG_NEVER;
  if (first) waiting->outage_end = rg_after_ms(now, (int64_t)client->timeout_ms);
  /* The connection may be of a daemon that was restarted since. */
  if (first && code == -ECONNRESET) return 0;
  waiting->wake = rg_after_ms(now, OUTAGE_PAUSE_MS) + random_below(OUTAGE_PAUSE_MS * RG_NS_PER_MS);
  return 0;
}

/* Sleeps until it is time to ask again. Returns 0 then, or what the call fails with. */
static int pause_until_wake(const struct waiting* waiting, int cancel_fd, int64_t timeout_ms,
                            rategate_error* error) {
  const bool last = waiting->wake >= waiting->deadline;
  const struct rg_call pause = {.deadline = earlier(waiting->wake, waiting->deadline),
                                .cancel_fd = cancel_fd};
  const int rc = rg_wait(&pause, -1, 0);
  if (rc == -ETIMEDOUT && !last) return 0;
  if (rc == -ETIMEDOUT) return rg_fail(error, rc, "no permit in %lld ms", (long long)timeout_ms);
  return rg_fail_system(error, rc, "cannot wait", "");
}

/* Asks once: in place, or the daemon, which waits for as long as the call has time. */
static int ask(rategate_limit* limit, struct waiting* waiting, struct rg_question* question,
               struct rg_call* call, rategate_decision* answer) {
  const rategate_client* client = limit->client;
  const int64_t now = waiting->asked = rg_now();
  const bool waits = !waiting->polls && now < waiting->deadline;
  int64_t started_ns;
  if (rg_check_in_place(&limit->in_place, question->key, question->key_size, question->cost, answer,
                        &started_ns) &&
      (answer->allowed || !waits)) {
    return 0;
  }
  call->deadline = rg_after_ms(now, (int64_t)client->timeout_ms);
  if (!waits) {
    question->verb = client->receipts ? RG_CHECKX : RG_CHECK;
    return rg_take_by_daemon(limit, question, call, answer);
  }
  question->verb = client->receipts ? RG_ACQUIREX : RG_ACQUIRE;
  question->timeout_ms = ENDLESS_ASK_MS;
  if (waiting->deadline != RG_NEVER) {
    /* Rounded up: it is not to be denied before its time is over. */
    const int64_t left_ms = (waiting->deadline - now + RG_NS_PER_MS - 1) / RG_NS_PER_MS;
    question->timeout_ms = earlier(left_ms, LONGEST_ASK_MS);
  }
  call->patience_ns = question->timeout_ms * RG_NS_PER_MS;
  call->once = true; /* less time is left when it is asked again */
  return rg_take_by_daemon(limit, question, call, answer);
}

int rategate_acquire(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                     int64_t timeout_ms, rategate_decision* decision, rategate_error* error) {
  int rc = rg_look_at_arguments(limit, key, key_size, cost, decision, error);
  if (rc != 0) return rc;
  if (timeout_ms < -1) return rg_fail(error, -EINVAL, "a time-out below -1");
  rategate_client* client = limit->client;
  rategate_decision answer;
  int64_t started_ns;
  /* Mostly a permit lies in place, and nothing below is needed. */
  if (!atomic_load(&client->cancelled) &&
      rg_check_in_place(&limit->in_place, key, key_size, cost, &answer, &started_ns) &&
      answer.allowed) {
    *decision = answer;
    return 0;
  }
  rg_after_fork(client);
  struct waiting waiting = {.deadline = rg_after_ms(rg_now(), timeout_ms), .outage_end = RG_NEVER};
  for (;;) {
    const int cancel_fd = rg_descriptor_get(&client->cancel);
    if (cancel_fd < 0) return rg_fail_system(error, client->cancel_errno, "cannot wait", "");
    if (atomic_load(&client->cancelled))
      return rg_fail_system(error, -ECANCELED, "cannot wait", "");
    rategate_error told = {.text = ""}; /* kept from the caller unless the whole call fails by it */
    struct rg_call call = {.cancel_fd = cancel_fd, .error = &told};
    struct rg_question question = {.key = key, .key_size = key_size, .cost = cost};
    rc = ask(limit, &waiting, &question, &call, &answer);
    if (rc == 0 && answer.allowed) {
      *decision = answer;
      return 0;
    }
    if (rc == 0) {
      rc = after_denial(&waiting, limit, cost, &answer, error);
    } else {
      rc = after_error(&waiting, client, rc, &told);
      if (rc != 0) rg_fail(error, rc, "%s", told.text);
    }
    if (rc == 0) rc = pause_until_wake(&waiting, cancel_fd, timeout_ms, error);
    if (rc != 0) return rc;
  }
}
