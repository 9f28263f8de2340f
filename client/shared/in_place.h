/* A check that is decided in this process, on the daemon's segment. */
#ifndef RATEGATE_CLIENT_SHARED_IN_PLACE_H
#define RATEGATE_CLIENT_SHARED_IN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/shared/shared_rule.h"
#include "rategate/rategate.h"

/* True when the check is decided. Else it is the daemon's to decide, and nothing was touched but
 * *started_ns: when the check began, CLOCK_MONOTONIC, or 0 where the precise clock was not read.
 * Arguments are in their ranges. Makes no system call but for a clock that the kernel does not let
 * read without one, a nudge, and a wait of below 1 ms between two windows. */
bool rg_check_in_place(const struct rg_shared_limit* limit, const void* key, size_t key_size,
                       int64_t cost, rategate_decision* decision, int64_t* started_ns);

#endif
