/* The connections of a client to its daemon: one for each caller that asks right now, kept for the
 * next.
 *
 * They are a list that only grows, of entries that belong to whoever has set their `busy`. There
 * are no locks, so fork() at any moment leaves a child with nothing stuck. */
#ifndef RATEGATE_CLIENT_WIRE_CONNECTIONS_H
#define RATEGATE_CLIENT_WIRE_CONNECTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "client/wire/call.h"
#include "client/wire/descriptor.h"

struct rg_connection {
  atomic_bool busy;
  /* The rest belongs to who has set `busy`. */
  struct rg_descriptor socket; /* none: not connected */
  /* What the caller has learned of who answers here; forgotten when the connection is closed. */
  uint32_t until_attach; /* checks until ATTACH may be asked again */
  uint64_t generation;   /* which start of the daemon it is. 0: not known */
  struct rg_connection* next;
};

struct rg_connections {
  struct sockaddr_un address; /* where the daemon listens; set once */
  uint32_t max_idle;          /* set once */
  atomic_uint idle;           /* connected and not busy */
  _Atomic(struct rg_connection*) first;
};

/* Gives the caller a connection of its own, which may be connected or not. 0 or -ENOMEM. */
int rg_connections_take(struct rg_connections* connections, struct rg_connection** connection);

/* Ends what rg_connections_take began. */
void rg_connections_give(struct rg_connections* connections, struct rg_connection* connection);

/* Connects it to the address, unless it is connected. Errors are those of rg_connect. */
int rg_connection_open(struct rg_connection* connection, const struct sockaddr_un* address,
                       const struct rg_call* call);
void rg_connection_close(struct rg_connection* connection);

/* Of a connection that was opened in this call, and so looked at. -1: it was closed since. */
static inline int rg_connection_fd(const struct rg_connection* connection) {
  return atomic_load_explicit(&connection->socket.fd, memory_order_relaxed);
}

/* For a child after fork(), before anyone in it uses one: closes those copies of the parent's
 * sockets that it has still, whoever in the parent used them at that moment. */
void rg_connections_abandon(struct rg_connections* connections);

/* Closes and frees all of them, when nobody uses any. */
void rg_connections_clear(struct rg_connections* connections);

#endif
