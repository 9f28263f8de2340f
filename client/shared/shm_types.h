/* What a decision on the segment is given, and what it gives back. */
#ifndef RATEGATE_CLIENT_SHARED_SHM_TYPES_H
#define RATEGATE_CLIENT_SHARED_SHM_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* A mapped segment. Of the header's fields that are written once, these are copies from when they
 * were checked. */
struct rg_shm_view {
  const struct rg_shm_header* header; /* for the clock record, and the number of the rules */
  struct rg_slot* slots;
  uint32_t mask; /* slots - 1 */
  uint32_t probes;
  uint64_t hash_seed[4];
  uint64_t digest_secret[2];
};

/* A limit as RESOLVE told it. */
struct rg_shm_rule {
  uint64_t id;       /* never 0 */
  int64_t limit;     /* permits per period, 1 to RG_MAX_PERMITS */
  int64_t period_ms; /* 1 to RG_MAX_PERIOD_MS */
  bool shared;       /* it has pools in the segment */
  bool keyed;        /* false: all keys are the empty one */
};

enum rg_shm_outcome {
  RG_SHM_MISS,    /* not to be decided here */
  RG_SHM_DECIDED, /* allowed, and the permits are spent; or denied, and nothing was written */
  RG_SHM_BETWEEN, /* the time may be in either of two windows, for wait_ns more */
};

struct rg_shm_result {
  bool allowed;
  bool nudge;             /* this check took the pool below low water: tell the daemon */
  uint32_t slot;          /* the pool's; a good hint for the next check of the same pool */
  int64_t remaining;      /* permits, an estimate */
  int64_t reset_after_ms; /* until the window is over, rounded up */
  int64_t window_end_ms;  /* ms of Redis' clock */
  int64_t wait_ns;
};

/* As the number of a slot: it is not known. */
#define RG_SHM_NO_HINT UINT32_MAX

#endif
