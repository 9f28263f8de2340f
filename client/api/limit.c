/* rategate_resolve: from the name of a limit to its handle. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/api/client.h"
#include "shm/bounds.h"

/* What the public header says to users is what the daemon takes. */
_Static_assert(RATEGATE_MAX_NAME == RG_MAX_NAME_BYTES, "bytes of a name");
_Static_assert(RATEGATE_MAX_KEY == RG_MAX_KEY_BYTES, "bytes of a key");
_Static_assert(RATEGATE_MAX_COST == RG_MAX_PERMITS, "permits of a limit, and of a call");

static bool valid_rate(int64_t permits, int64_t period_ms) {
  if (permits == 0 && period_ms == 0) return true;
  return permits >= 1 && permits <= RG_MAX_PERMITS && period_ms >= RG_MIN_PERIOD_MS &&
         period_ms <= RG_MAX_PERIOD_MS;
}

/* Looks for a handle in the list from `from` up to `end`, which is not looked at. */
static rategate_limit* find(rategate_limit* from, const rategate_limit* end, const char* name,
                            int64_t permits, int64_t period_ms) {
  for (; from != end; from = from->next) {
    if (from->permits == permits && from->period_ms == period_ms &&
        strcmp(from->name.text, name) == 0) {
      return from;
    }
  }
  return NULL;
}

static rategate_limit* make(rategate_client* client, const char* name, int64_t permits,
                            int64_t period_ms) {
  rategate_limit* limit = calloc(1, sizeof *limit);
  if (limit == NULL) return NULL;
  limit->client = client;
  limit->in_place.shared = &client->shared;
  limit->permits = permits;
  limit->period_ms = period_ms;
  rg_limit_name_set(&limit->name, name, permits, period_ms);
  return limit;
}

int rategate_resolve(rategate_client* client, const char* name, int64_t permits, int64_t period_ms,
                     rategate_limit** limit) {
  if (client == NULL || name == NULL || limit == NULL || !rg_is_limit_name(name) ||
      !valid_rate(permits, period_ms)) {
    return -EINVAL;
  }
  rategate_limit* first = atomic_load_explicit(&client->limits, memory_order_acquire);
  rategate_limit* known = find(first, NULL, name, permits, period_ms);
  if (known == NULL) {
    rategate_limit* fresh = make(client, name, permits, period_ms);
    if (fresh == NULL) return -ENOMEM;
    fresh->next = first;
    /* Release: who finds the fresh handle sees it whole. Acquire: so does this thread with those
     * that others put before it meanwhile, one of which may be of the same limit. */
    while (known == NULL &&
           !atomic_compare_exchange_weak_explicit(&client->limits, &first, fresh,
                                                  memory_order_acq_rel, memory_order_acquire)) {
      known = find(first, fresh->next, name, permits, period_ms);
      fresh->next = first;
    }
    if (known == NULL) {
      known = fresh;
    } else {
      free(fresh);
    }
  }
  *limit = known;
  return 0;
}
