/* What a client has of shared memory, and how it comes to it: ATTACH. */
#ifndef RATEGATE_CLIENT_SHARED_ATTACH_H
#define RATEGATE_CLIENT_SHARED_ATTACH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/shared/segment.h"
#include "client/wire/call.h"
#include "client/wire/connections.h"

struct rg_shared {
  bool off;                            /* options say so; set once */
  int64_t coarse_lag_ns;               /* how far the coarse clock may lag behind; set once */
  _Atomic(struct rg_segment*) segment; /* NULL: none yet */
  /* One number for ever, whatever it is connected to: a thread that still nudges for a segment of
   * before must not write to a descriptor that is somebody else's by then. -1: none yet. */
  atomic_int nudge_fd;
  atomic_bool attaching; /* somebody is at it; others do without meanwhile */
};

void rg_shared_open(struct rg_shared* shared, bool off);
void rg_shared_close(struct rg_shared* shared);
/* For a child: whoever was attaching is not there. */
void rg_shared_after_fork(struct rg_shared* shared);

/* Asks ATTACH where that has not been asked on this connection, which is the caller's and idle,
 * and publishes the segment. Failures are not told: the socket is there. A connection that cannot
 * be used any more is closed. */
void rg_attach(struct rg_shared* shared, struct rg_connection* connection,
               const struct rg_call* call);

/* Tells the daemon that the pool in that slot runs low. Neither waits nor fails. */
void rg_nudge(const struct rg_shared* shared, uint32_t slot);

#endif
