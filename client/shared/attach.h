/* What a client has of shared memory, and how it comes to it: ATTACH. */
#ifndef RATEGATE_CLIENT_SHARED_ATTACH_H
#define RATEGATE_CLIENT_SHARED_ATTACH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/shared/segment.h"
#include "client/wire/call.h"
#include "client/wire/connections.h"
#include "client/wire/descriptor.h"

struct rg_shared {
  bool off;                            /* the client's options say no; set once */
  int64_t coarse_lag_ns;               /* how far the coarse clock may lag behind; set once */
  _Atomic(struct rg_segment*) segment; /* NULL: none yet */
  /* The socket of hints. It keeps its number when the daemon, and so the other end, is another: a
   * thread that still nudges for the segment of before must not write to a descriptor that is
   * somebody else's by then. */
  struct rg_descriptor nudges;
  atomic_bool attaching; /* a thread asks ATTACH; the others use the socket meanwhile */
};

void rg_shared_open(struct rg_shared* shared, bool off);
void rg_shared_close(struct rg_shared* shared);
/* For a child made by fork(), in which the thread that was attaching does not exist. */
void rg_shared_after_fork(struct rg_shared* shared);

/* Asks ATTACH, unless the connection leads to a segment already or has been refused one not long
 * before, and publishes the segment. The connection is the caller's, and idle; it is closed where
 * it cannot be used any more. Failures are not told: without a segment, checks go over the
 * socket. */
void rg_attach(struct rg_shared* shared, struct rg_connection* connection,
               const struct rg_call* call);

/* Tells the daemon that the pool in that slot runs low. Neither waits nor fails. */
void rg_nudge(const struct rg_shared* shared, uint32_t slot);

#endif
