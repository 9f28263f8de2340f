/* A call that waits in the daemon until it is allowed: when the daemon is asked again, and what
 * ends the call. */
#ifndef RATEGATE_CLIENT_API_WAITING_H
#define RATEGATE_CLIENT_API_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "client/api/client.h"
#include "client/wire/deadline.h"

struct rg_waiting {
  int64_t deadline;   /* of the whole call */
  int64_t asked;      /* when it was asked last */
  int64_t wake;       /* when to ask again */
  bool reached;       /* a daemon was asked in this call, so that errors may be of a restart */
  int64_t outage_end; /* errors are waited out until then. RG_NEVER: there is no outage */
};

/* Asks once. Begins by rg_begin_asking; returns 0 with a decision, or the negative errno value of
 * a failure, which it describes in call->error. */
typedef int rg_ask(void* context, struct rg_waiting* waiting, struct rg_call* call,
                   rategate_decision* decision);

/* Sets the call's deadline, from now on, and returns for how many ms the daemon may wait: 0 where
 * the time of the whole call is over. */
int64_t rg_begin_asking(struct rg_waiting* waiting, const rategate_client* client,
                        struct rg_call* call);

/* Lets the call wait for an answer that the daemon was asked to keep back for so long. */
void rg_be_patient(struct rg_call* call, int64_t wait_ms);

/* Asks by `ask` until it is allowed, never can be, or timeout_ms (-1: for ever) are over: 0 with
 * the last decision. Waits out denials and outages of a daemon that it has reached, those for as
 * long as a call may take. Fails with what `ask` fails with, -EHOSTDOWN where the daemon gave no
 * answer before the time was over, -ETIMEDOUT where there was no decision when it was, -ECANCELED,
 * or -EBADF. */
int rg_wait_until_allowed(const rategate_limit* limit, int64_t timeout_ms, rg_ask* ask,
                          void* context, rategate_decision* decision, rategate_error* error);

#endif
