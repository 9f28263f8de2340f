/* One request and its answer: how every question reaches the daemon. */
#ifndef RATEGATE_CLIENT_WIRE_EXCHANGE_H
#define RATEGATE_CLIENT_WIRE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/wire/call.h"
#include "client/wire/connections.h"
#include "client/wire/reply.h"
#include "client/wire/request.h"
#include "client/wire/transport.h"

/* Where an answer is received into. The caller sets `data` and `capacity`, and of the other members
 * above `size` what it needs; the rest is filled in by the exchange. */
struct rg_answer {
  char* data;
  size_t capacity;    /* of data, at least 1 */
  size_t may_grow_to; /* data is of malloc, and is widened up to so much. 0: it stays as it is */
  /* Finds the end of the answer, each time that `size` has grown; never asked about an error line.
   * Returns how many bytes the whole answer has, 0 when there is more to come, or a negative errno
   * value. NULL: the answer may have any shape, and `scan` finds its end. */
  int64_t (*look)(const struct rg_answer* answer);
  struct rg_descriptors* passed; /* those that come with the answer. NULL: none are wanted */
  size_t size;                   /* bytes received so far */
  struct rg_scan scan;
};

/* Asks on a connection of its own, which it opens where none is idle. Returns 0 with a whole
 * answer, or fails with a negative errno value and a reason in call->error, also where the answer
 * is an error. Where it is cancelled or late, `answer` has what was answered until the connection
 * was closed: the daemon cannot answer any more from then on. Where the connection ends before an
 * answer it asks once more, unless call->once. With 0, and where `kept` is not NULL, the connection
 * stays the caller's, to ask more on; rg_connections_give ends that. */
int rg_exchange(struct rg_connections* connections, const struct rg_request* request,
                struct rg_answer* answer, const struct rg_call* call, struct rg_connection** kept);

/* Asks one thing more on a connection that is the caller's. True when there is a whole answer,
 * which may be an error line; else the connection is closed. */
bool rg_ask_on(struct rg_connection* connection, const struct rg_request* request,
               struct rg_answer* answer, const struct rg_call* call);

#endif
