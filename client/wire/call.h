/* A call of the library that is under way: what ends it early, and where it says why it failed. */
#ifndef RATEGATE_CLIENT_WIRE_CALL_H
#define RATEGATE_CLIENT_WIRE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "rategate/rategate.h"

struct rg_call {
  int64_t deadline;      /* as rg_after_ms gives it */
  int64_t patience_ns;   /* the answer may come so much later than that */
  int cancel_fd;         /* can be read once the call is cancelled. -1: nothing cancels it */
  rategate_error* error; /* NULL: the caller does not want to know why */
  bool once;             /* what is asked must not be asked again when its answer is lost */
};

/* Waits until `fd` has one of the poll `events` (fd -1: just waits). Returns 0 when it has,
 * -ETIMEDOUT at the call's deadline, -ECANCELED once the call is cancelled. Signals do not end the
 * wait. */
int rg_wait(const struct rg_call* call, int fd, short events);

#endif
