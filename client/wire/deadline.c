#include "client/wire/deadline.h"

int64_t rg_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return rg_nanoseconds(&now);
}

int64_t rg_after_ms(int64_t start, int64_t ms) {
  if (ms < 0 || ms > (RG_NEVER - start) / RG_NS_PER_MS) return RG_NEVER;
  return start + ms * RG_NS_PER_MS;
}
