/* The connections of a client: one for each caller that asks right now, kept for the next.
 *
 * A list that only grows, each entry owned by who sets its `busy`. There are no locks, so fork()
 * at any moment leaves a child with nothing stuck. */
#ifndef RATEGATE_CLIENT_WIRE_CONNECTIONS_H
#define RATEGATE_CLIENT_WIRE_CONNECTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rg_connection {
  atomic_bool busy;
  /* The rest belongs to who has set `busy`. */
  int fd;              /* -1: not connected */
  bool attach_asked;   /* since it was connected */
  uint64_t generation; /* of the segment that ATTACH answered here; 0: none */
  struct rg_connection* next;
};

struct rg_connections {
  _Atomic(struct rg_connection*) first;
  atomic_uint idle;  /* connected and not busy */
  uint32_t max_idle; /* set once */
};

/* Gives the caller a connection of its own, which may be connected or not. 0 or -ENOMEM. */
int rg_connections_take(struct rg_connections* connections, struct rg_connection** connection);

/* Ends what rg_connections_take began. */
void rg_connections_give(struct rg_connections* connections, struct rg_connection* connection);

void rg_connection_close(struct rg_connection* connection);

/* For a child after fork(), before anyone in it uses one: closes its copies of the parent's
 * sockets, whoever in the parent used them at that moment. */
void rg_connections_abandon(struct rg_connections* connections);

/* Frees everything. */
void rg_connections_clear(struct rg_connections* connections);

#endif
