/* One request and its answer, over a connection of the client's pool. */
#ifndef RATEGATE_CLIENT_EXCHANGE_H
#define RATEGATE_CLIENT_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "client/request.h"
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
};

/* Returns 0 with a whole answer, or a negative errno value, also for an error as the answer. */
int rg_exchange(rategate_client* client, const struct rg_request* request, struct rg_answer* answer,
                int cancel_fd, int64_t deadline, rategate_error* error);

#endif
