/* A check of several limits that is decided in this process, on the daemon's segment. */
#ifndef RATEGATE_CLIENT_SHARED_MEMBERS_IN_PLACE_H
#define RATEGATE_CLIENT_SHARED_MEMBERS_IN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/shared/shared_rule.h"
#include "client/shared/shm_members.h"
#include "rategate/rategate.h"

/* The limits that a check has to keep. Starts as zeros; of one thread, for one check. */
struct rg_members {
  uint32_t count;
  const struct rg_segment* segment; /* that all of them are in */
  struct rg_shm_member member[RG_SHM_MOST_MEMBERS];
  struct rg_identity id[RG_SHM_MOST_MEMBERS];
  _Atomic uint32_t* slot[RG_SHM_MOST_MEMBERS]; /* where the empty key's is kept, else NULL */
  uint32_t listed[RG_SHM_MOST_MEMBERS]; /* the place in the caller's list of what it belongs to */
};

/* Adds what a check of that limit has to keep. False where one of them is not known to be in the
 * segment that the others are in, or there are too many: the check is the daemon's to decide. */
bool rg_add_members(struct rg_members* members, const struct rg_shared_limit* limit,
                    const void* key, size_t key_size, int64_t cost, uint32_t listed);

/* True when the check is decided, by the member that is listed at *named; the decision's
 * window_end_ms is the end of the window that ends first, or 0 where no member has windows. Else it
 * is the daemon's to decide. *started_ns as in client/shared/in_place.h. */
bool rg_decide_members(const struct rg_members* members, const struct rg_shared* shared,
                       rategate_decision* decision, uint32_t* named, int64_t* started_ns);

#endif
