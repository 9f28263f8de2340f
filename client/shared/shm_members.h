/* A check of several limits at once, decided on what lies in the segment: docs/shared-memory.md,
 * "Several limits at once". Pure but for the clock, which is an argument. The library and the
 * simulation link the very same code. Thread-safe as client/shared/shm_check.h. */
#ifndef RATEGATE_CLIENT_SHARED_SHM_MEMBERS_H
#define RATEGATE_CLIENT_SHARED_SHM_MEMBERS_H

#include <stdint.h>

#include "client/shared/shm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RG_SHM_MOST_MEMBERS 8

/* One of the limits, all of which have their pools in the same segment. */
struct rg_shm_member {
  const struct rg_shm_rule* rule;
  const struct rg_identity* id; /* as for rg_shm_check(): NULL is the empty key */
  uint32_t slot_hint;           /* the same */
  int64_t cost;                 /* 1 to RG_MAX_PERMITS */
};

/* What was decided. */
struct rg_shm_combined {
  uint32_t named; /* the member of which the answer tells */
  /* By the place of the member. Of a denial only that of the named one means something. */
  struct rg_shm_result result[RG_SHM_MOST_MEMBERS];
  int64_t read_ns;   /* the reading of the clock that has decided */
  uint32_t stranded; /* bit i: what was taken of member i in vain could not be put back */
};

/* Decides, or misses: then nothing is taken, but for what could not be put back. Allowed: the cost
 * of each member was taken of a window, or slice, that is open at one moment for all of them; named
 * is the one of which the smallest part is left. Denied: nothing was taken, and named is, of those
 * known to deny, the one with the longest retry_after_ms. count 1 to RG_SHM_MOST_MEMBERS. */
enum rg_shm_outcome rg_shm_check_members(const struct rg_shm_view* view,
                                         const struct rg_shm_member members[], uint32_t count,
                                         const struct rg_shm_reader* reader,
                                         struct rg_shm_combined* combined);

#ifdef __cplusplus
}
#endif

#endif
