/* rategate_peek: what a check would say, by the daemon's word alone. Shared memory has only what
 * lies in one pool of this host, and the daemon books what was taken from it before it answers. */
#include "client/api/client.h"
#include "client/wire/deadline.h"

int rategate_peek(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                  rategate_decision* decision, rategate_error* error) {
  const int rc = rg_look_at_arguments(limit, key, key_size, cost, decision, error);
  if (rc != 0) return rc;
  const struct rg_call call = {
      .deadline = rg_after_ms(rg_now(), (int64_t)limit->client->timeout_ms),
      .cancel_fd = -1,
      .error = error};
  const struct rg_question question = {
      .verb = RG_PEEK, .key = key, .key_size = key_size, .cost = cost};
  return rg_ask_daemon(limit, &question, &call, decision, NULL);
}
