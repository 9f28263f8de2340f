/* The ranges of what a check may ask for. The daemon refuses what is outside of them, and a client
 * does so before it asks; include/rategate/rategate.h tells its users the same numbers. C11 and
 * C++20 alike. */
#ifndef RATEGATE_SHM_BOUNDS_H
#define RATEGATE_SHM_BOUNDS_H

#include <stdint.h>

#define RG_MAX_PERMITS INT64_C(1000000000) /* of a limit in a period, and of one call's cost */
#define RG_MIN_PERIOD_MS INT64_C(10)
#define RG_MAX_PERIOD_MS (INT64_C(31) * 24 * 3600 * 1000) /* 31 days */
/* Of the calendar's periods, too: a year, and what clocks are put back in it. Those are configured,
 * never asked for in a call. */
#define RG_MAX_WINDOW_MS (INT64_C(367) * 24 * 3600 * 1000)
#define RG_MAX_KEY_BYTES 512
#define RG_MAX_NAME_BYTES 64

#endif
