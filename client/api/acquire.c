/* rategate_acquire: waiting for a permit. Those who were denied together ask again at moments that
 * are spread, so that they do not come back as one. */
#include <errno.h>
#include <stdbool.h>
#include <sys/random.h>

#include "client/api/client.h"
#include "client/shared/in_place.h"
#include "client/wire/deadline.h"
#include "client/wire/failure.h"

#define MAX_JITTER_MS 100
#define OUTAGE_PAUSE_MS 50 /* between two attempts to ask a daemon that has gone */
#define ANSWER_GRACE_MS 100
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

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

struct waiting {
  int64_t deadline; /* of the whole call */
  int64_t wake;     /* when to ask again */
  bool answered;    /* the daemon has been there in this call, so that errors may be of a restart */
  int64_t outage_end; /* errors are waited out until then. RG_NEVER: there is no outage */
};

/* What to do about a denial: 0 to ask again at `wake`, or what the call fails with. */
static int after_denial(struct waiting* waiting, const rategate_limit* limit, int64_t cost,
                        const rategate_decision* denial, rategate_error* error) {
  if (denial->reason == RATEGATE_NEVER_FITS || denial->retry_after_ms < 0) {
    return rg_fail(error, -ERANGE, "a cost of %lld never fits, with a limit of %lld",
                   (long long)cost, (long long)denial->limit);
  }
  waiting->answered = true;
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

/* What to do about an error, with the same results. */
static int after_error(struct waiting* waiting, const rategate_client* client, int code) {
  const int64_t now = rg_now();
  /* -ETIMEDOUT tells the caller that its own time is over, and nothing else. */
  if (code == -ETIMEDOUT && now < waiting->deadline) code = -EHOSTDOWN;
  if (!waiting->answered || !may_pass(code) || now >= waiting->outage_end) return code;
  if (waiting->outage_end == RG_NEVER) {
    waiting->outage_end = rg_after_ms(now, (int64_t)client->timeout_ms);
  }
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
    const int64_t now = rg_now();
    rategate_error told = {.text = ""}; /* kept from the caller unless the whole call fails by it */
    const struct rg_call call = {
        .deadline = earlier(rg_after_ms(now, (int64_t)client->timeout_ms),
                            later(waiting.deadline, rg_after_ms(now, ANSWER_GRACE_MS))),
        .cancel_fd = cancel_fd,
        .error = &told};
    rc = rg_check_in_place(&limit->in_place, key, key_size, cost, &answer, &started_ns)
             ? 0
             : rg_check_by_daemon(limit, key, key_size, cost, &call, &answer);
    if (rc == 0 && answer.allowed) {
      *decision = answer;
      return 0;
    }
    if (rc == 0) {
      rc = after_denial(&waiting, limit, cost, &answer, error);
    } else {
      rc = after_error(&waiting, client, rc);
      if (rc != 0) rg_fail(error, rc, "%s", told.text);
    }
    if (rc == 0) rc = pause_until_wake(&waiting, cancel_fd, timeout_ms, error);
    if (rc != 0) return rc;
  }
}
