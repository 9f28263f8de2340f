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
  int64_t limit;     /* permits per period, 1 to RG_MAX_PERMITS; of some keys others */
  int64_t period_ms; /* 1 to RG_MAX_WINDOW_MS: no window of it is longer */
  bool shared;       /* it has pools in the segment */
  bool keyed;        /* false: all keys are the empty one */
  enum rg_rule_kind kind;
  int64_t burst; /* permits that may be spent at once, at least 1; of windows the limit */
  uint64_t ms_per_permit_2_32; /* of a bucket: how fast they flow in, rounded up; times 2^32 */
  int64_t longest_ms; /* no word of it ends later than that from now; of windows the period */
};

/* Of a bucket's rule. The period is below 2^32 ms where there is a bucket. */
static inline uint64_t rg_shm_ms_per_permit(int64_t limit, int64_t period_ms) {
  return period_ms >= INT64_C(1) << 32 ? 0 : ((uint64_t)period_ms << 32) / (uint64_t)limit + 1;
}

enum rg_shm_outcome {
  RG_SHM_MISS,    /* not to be decided here */
  RG_SHM_DECIDED, /* allowed, and the permits are spent; or denied, and nothing was written */
  /* The time may be in either of two windows, for wait_ns more; of slices, the lag of the clock
   * leaves open whether one is over. */
  RG_SHM_BETWEEN,
  RG_SHM_LACKS, /* there is too little, and it is not known whether that is a denial */
  RG_SHM_LOST,  /* another has changed the word meanwhile */
};

struct rg_shm_result {
  bool allowed;
  bool blocked;           /* of a denial: the key is blocked */
  bool nudge;             /* this check took the pool below low water: tell the daemon */
  uint32_t slot;          /* the pool's; a good hint for the next check of the same pool */
  int64_t limit;          /* permits that the key has in a period */
  int64_t remaining;      /* permits, an estimate */
  int64_t retry_after_ms; /* of a denial: until there may be more, rounded up; negative: never */
  int64_t reset_after_ms; /* until the window is over, or there is all of the burst, rounded up */
  int64_t window_end_ms;  /* of the window, or slice, that is spent of; ms of Redis' clock */
  int64_t wait_ns;
  int64_t read_ns; /* of slices: the reading of the clock that has decided */
  uint32_t clock;  /* the number of the clock by which the pool's windows, or slices, are */
};

/* How much is asked of a limit of windows, 1 to RG_MAX_PERMITS, and when: the clock said now_ns,
 * and may lag behind by lag_ns. */
struct rg_shm_ask {
  int64_t cost;
  int64_t now_ns;
  int64_t lag_ns;
  bool looks; /* whether it would be allowed: nothing is taken */
};

/* How a check of slices reads CLOCK_MONOTONIC, when it needs to. */
struct rg_shm_reader {
  int64_t (*coarse)(void* of); /* may lag behind, by coarse_lag_ns at most */
  int64_t (*precise)(void* of);
  void* of;
  int64_t coarse_lag_ns; /* above 0 */
};

/* As the number of a slot: it is not known. */
#define RG_SHM_NO_HINT UINT32_MAX

/* For shorter periods the coarse clock would hardly ever do: it is too far behind. */
#define RG_SHM_COARSE_FROM_MS 200

#endif
