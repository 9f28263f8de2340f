/* rategate_settle: saying what was used of permits. The daemon is told at most once, because it
 * keeps nothing by which it could tell the same settlement from another one. */
#include <errno.h>

#include "client/api/client.h"
#include "client/api/count.h"
#include "client/wire/failure.h"

static int look_at_arguments(const rategate_limit* limit, const void* key, size_t key_size,
                             int64_t took, int64_t used, int64_t receipt, const int64_t* back,
                             rategate_error* error) {
  const int rc = rg_look_at_key(limit, key, key_size, error);
  if (rc != 0) return rc;
  if (back == NULL) return rg_fail(error, -EINVAL, "no place for what comes back");
  if (took < 0 || took > RATEGATE_MAX_COST || used < 0 || used > RATEGATE_MAX_COST) {
    return rg_fail(error, -EINVAL, "%lld taken and %lld used; both are 0 to %d", (long long)took,
                   (long long)used, RATEGATE_MAX_COST);
  }
  if (receipt < 0) return rg_fail(error, -EINVAL, "a receipt of %lld", (long long)receipt);
  return 0;
}

int rategate_settle(rategate_limit* limit, const void* key, size_t key_size, int64_t took,
                    int64_t used, int64_t receipt, int64_t* back, rategate_error* error) {
  const int rc = look_at_arguments(limit, key, key_size, took, used, receipt, back, error);
  if (rc != 0) return rc;
  char told[RG_MAX_SETTLEMENT];
  struct rg_request request = {.data = told};
  rg_put_settlement(&request, &limit->name, key, key_size, took, used, receipt);
  return rg_ask_count(limit->client, &request, true, back, error);
}
