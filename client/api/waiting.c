/* Those who were denied together ask again at moments that are spread, so that they do not come
 * back as one. */
#include "client/api/waiting.h"

#include <errno.h>
#include <sys/random.h>

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

/* Asks again at `wake` after a denial. */
static void after_denial(struct rg_waiting* waiting, const rategate_limit* limit,
                         const rategate_decision* denial) {
  waiting->reached = true;
  waiting->outage_end = RG_NEVER;
  const int64_t now = rg_now();
  /* The wait is a millisecond at least, so that no answer makes the call spin. */
  const int64_t told = rg_after_ms(now, later(denial->retry_after_ms, 1));
  const int64_t spread = jitter(limit);
  const int64_t look_again =
      rg_after_ms(now, LOOK_AGAIN_MS / 2) + random_below(LOOK_AGAIN_MS / 2 * RG_NS_PER_MS);
  waiting->wake = earlier(told > RG_NEVER - spread ? RG_NEVER : told + spread, look_again);
}

/* What to do about an error: 0 to ask again at `wake`, or what the call fails with. */
static int after_error(struct rg_waiting* waiting, const rategate_client* client, int code) {
  const int64_t now = rg_now();
  waiting->wake = now;
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

/* Sleeps until it is time to ask again. Returns 0 then, -ETIMEDOUT when the time of the call is
 * over, or what else it fails with. */
static int pause_until_wake(const struct rg_waiting* waiting, int cancel_fd) {
  const bool last = waiting->wake >= waiting->deadline;
  const struct rg_call pause = {.deadline = earlier(waiting->wake, waiting->deadline),
                                .cancel_fd = cancel_fd};
  const int rc = rg_wait(&pause, -1, 0);
  return rc == -ETIMEDOUT && !last ? 0 : rc;
}

int64_t rg_begin_asking(struct rg_waiting* waiting, const rategate_client* client,
                        struct rg_call* call) {
  const int64_t now = waiting->asked = rg_now();
  call->deadline = rg_after_ms(now, (int64_t)client->timeout_ms);
  if (waiting->deadline == RG_NEVER) return ENDLESS_ASK_MS;
  if (now >= waiting->deadline) return 0;
  /* Rounded up: it is not to be denied before its time is over. */
  const int64_t left_ms = (waiting->deadline - now + RG_NS_PER_MS - 1) / RG_NS_PER_MS;
  return earlier(left_ms, LONGEST_ASK_MS);
}

void rg_be_patient(struct rg_call* call, int64_t wait_ms) {
  call->patience_ns = wait_ms * RG_NS_PER_MS;
  call->once = true; /* less time is left when it is asked again */
}

static bool never_can_be(const rategate_decision* denial) {
  return denial->reason == RATEGATE_NEVER_FITS || denial->retry_after_ms < 0;
}

int rg_wait_until_allowed(const rategate_limit* limit, int64_t timeout_ms, rg_ask* ask,
                          void* context, rategate_decision* decision, rategate_error* error) {
  rategate_client* client = limit->client;
  rg_after_fork(client);
  struct rg_waiting waiting = {.deadline = rg_after_ms(rg_now(), timeout_ms),
                               .outage_end = RG_NEVER};
  for (;;) {
    const int cancel_fd = rg_descriptor_get(&client->cancel);
    if (cancel_fd < 0) return rg_fail_system(error, client->cancel_errno, "cannot wait", "");
    if (atomic_load(&client->cancelled)) {
      return rg_fail_system(error, -ECANCELED, "cannot wait", "");
    }
    rategate_error told = {.text = ""}; /* kept from the caller unless the whole call fails by it */
    struct rg_call call = {.cancel_fd = cancel_fd, .error = &told};
    rategate_decision answer;
    int rc = ask(context, &waiting, &call, &answer);
    const bool decided = rc == 0;
    if (decided && (answer.allowed || never_can_be(&answer))) {
      *decision = answer;
      return 0;
    }
    if (decided) {
      after_denial(&waiting, limit, &answer);
    } else {
      rc = after_error(&waiting, client, rc);
      if (rc != 0) return rg_fail(error, rc, "%s", told.text);
    }
    rc = pause_until_wake(&waiting, cancel_fd);
    if (rc == -ETIMEDOUT && decided) {
      *decision = answer;
      return 0;
    }
    if (rc == -ETIMEDOUT) return rg_fail(error, rc, "no permit in %lld ms", (long long)timeout_ms);
    if (rc != 0) return rg_fail_system(error, rc, "cannot wait", "");
  }
}
