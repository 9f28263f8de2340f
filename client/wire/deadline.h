/* Moments of CLOCK_MONOTONIC in nanoseconds: now, and the ones by which something is to be over. */
#ifndef RATEGATE_CLIENT_WIRE_DEADLINE_H
#define RATEGATE_CLIENT_WIRE_DEADLINE_H

#include <stdint.h>
#include <time.h>

#define RG_NEVER INT64_MAX
#define RG_NS_PER_MS INT64_C(1000000)

static inline int64_t rg_nanoseconds(const struct timespec* time) {
  return (int64_t)time->tv_sec * 1000 * RG_NS_PER_MS + time->tv_nsec;
}
static inline struct timespec rg_timespec(int64_t ns) {
  const struct timespec time = {.tv_sec = (time_t)(ns / (1000 * RG_NS_PER_MS)),
                                .tv_nsec = (long)(ns % (1000 * RG_NS_PER_MS))};
  return time;
}

int64_t rg_now(void);

/* `start` plus `ms` (negative: RG_NEVER), RG_NEVER where that does not fit. */
int64_t rg_after_ms(int64_t start, int64_t ms);

#endif
