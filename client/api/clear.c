/* rategate_clear: a limit begins anew for a key. */
#include <errno.h>

#include "client/api/client.h"
#include "client/api/count.h"
#include "client/wire/failure.h"

int rategate_clear(rategate_limit* limit, const void* key, size_t key_size, int64_t* cleared,
                   rategate_error* error) {
  const int rc = rg_look_at_key(limit, key, key_size, error);
  if (rc != 0) return rc;
  if (cleared == NULL) return rg_fail(error, -EINVAL, "no place for what was cleared");
  char asked[RG_MAX_QUESTION];
  struct rg_request request = {.data = asked};
  rg_put_question(&request, "CLEAR", &limit->name, key, key_size, 1, -1);
  return rg_ask_count(limit->client, &request, false, cleared, error);
}
