/* A question that is answered by one integer. */
#ifndef RATEGATE_CLIENT_API_COUNT_H
#define RATEGATE_CLIENT_API_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/api/client.h"
#include "client/wire/exchange.h"

/* Asks the daemon over its socket within the client's time, and writes the integer. `once`: never
 * again where the connection ends before the answer. 0, or what rategate.h says. */
int rg_ask_count(rategate_client* client, struct rg_request* request, bool once, int64_t* count,
                 rategate_error* error);

/* The same on a connection that is the caller's, once. False: there is no integer, and the
 * connection is closed. */
bool rg_ask_count_on(rategate_client* client, struct rg_connection* connection,
                     const struct rg_request* request, int64_t* count);

#endif
