/* How the library reads CLOCK_MONOTONIC for a decision in place. */
#ifndef RATEGATE_CLIENT_SHARED_READ_CLOCK_H
#define RATEGATE_CLIENT_SHARED_READ_CLOCK_H

#include <stdint.h>

#include "client/shared/attach.h"
#include "client/shared/decide_in_place.h"
#include "client/shared/shm_types.h"
#include "client/wire/deadline.h"

/* The sister of the clock that is read faster and lags behind. */
static inline int64_t rg_read_coarse(void* started_ns) {
  (void)started_ns;
  return rg_coarse_now();
}

/* The clock, of which the first precise reading is kept: the call began by then. */
static inline int64_t rg_read_precise(void* started_ns) {
  const int64_t now_ns = rg_now();
  int64_t* const started = started_ns;
  if (*started == 0) *started = now_ns;
  return now_ns;
}

static inline struct rg_shm_reader rg_clock_reader(const struct rg_shared* shared,
                                                   int64_t* started_ns) {
  return (struct rg_shm_reader){rg_read_coarse, rg_read_precise, started_ns, shared->coarse_lag_ns};
}

#endif
