/* One request and its answer, over one of the client's connections. */
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
#include "rategate/rategate.h"

/* Where an answer is received into, and who can tell that it is whole. */
struct rg_answer {
  char* data;
  size_t capacity; /* at least 1 */
  size_t size;     /* received so far */
  /* Called when `size` has grown; never for an error line, which exchange knows itself. Returns
   * how many bytes the whole answer has, 0 when there is more to come (and then has made room for
   * it), or a negative errno value. */
  int64_t (*look)(struct rg_answer* answer);
  struct rg_descriptors* passed; /* with the answer; NULL: none are wanted */
};

/* Returns 0 with a whole answer, or a negative errno value, also for an error as the answer. With
 * 0, and where `kept` is not NULL, the connection stays the caller's, to ask more on: it ends that
 * by rg_connections_give. */
int rg_exchange(rategate_client* client, const struct rg_request* request, struct rg_answer* answer,
                const struct rg_call* call, struct rg_connection** kept);

/* An answer of any shape, looked at no further than to its end. */
struct rg_scanned_answer {
  struct rg_answer answer; /* first, so that its look finds the rest */
  struct rg_scan scan;
};

struct rg_scanned_answer rg_scanned_answer(char* data, size_t capacity);

/* Asks one thing more on a connection that is the caller's. True when there is a whole answer,
 * which may be an error line; else the connection is closed. */
bool rg_ask_on(struct rg_connection* connection, const struct rg_request* request,
               struct rg_answer* answer, const struct rg_call* call);

#endif
