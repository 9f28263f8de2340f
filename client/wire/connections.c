#include "client/wire/connections.h"

#include <errno.h>
#include <stdlib.h>

#include "client/wire/transport.h"

static bool try_take(struct rg_connection* connection) {
  /* `busy` is looked at before it is swapped: a swap that fails would pull the cache line away from
   * the connection's owner. Acquire: what the last owner did with fd comes before. */
  return !atomic_load_explicit(&connection->busy, memory_order_relaxed) &&
         !atomic_exchange_explicit(&connection->busy, true, memory_order_acquire);
}

/* Release: the next owner sees what this one did with fd. */
static void leave(struct rg_connection* connection) {
  atomic_store_explicit(&connection->busy, false, memory_order_release);
}

/* Takes a connection that nobody uses, and a connected one if there is one. NULL: all are used. */
static struct rg_connection* take_free(struct rg_connection* first) {
  struct rg_connection* spare = NULL;
  for (struct rg_connection* c = first; c != NULL; c = c->next) {
    if (!try_take(c)) continue;
    struct rg_connection* worse = c;
    if (spare == NULL || rg_descriptor_is_set(&c->socket)) {
      worse = spare;
      spare = c;
    }
    if (worse != NULL) leave(worse);
    if (rg_descriptor_is_set(&spare->socket)) break;
  }
  return spare;
}

int rg_connections_take(struct rg_connections* connections, struct rg_connection** connection) {
  /* Acquire: pairs with the release below, so that `next` is seen as it was written. */
  struct rg_connection* first = atomic_load_explicit(&connections->first, memory_order_acquire);
  struct rg_connection* taken = take_free(first);
  if (taken != NULL) {
    if (rg_descriptor_is_set(&taken->socket)) {
      atomic_fetch_sub_explicit(&connections->idle, 1, memory_order_relaxed);
    }
    *connection = taken;
    return 0;
  }
  struct rg_connection* fresh = malloc(sizeof *fresh);
  if (fresh == NULL) return -ENOMEM;
  atomic_init(&fresh->busy, true);
  rg_descriptor_set(&fresh->socket, -1);
  fresh->until_attach = 0;
  fresh->generation = 0;
  do {
    fresh->next = first;
  } while (!atomic_compare_exchange_weak_explicit(&connections->first, &first, fresh,
                                                  memory_order_release, memory_order_relaxed));
  *connection = fresh;
  return 0;
}

void rg_connections_give(struct rg_connections* connections, struct rg_connection* connection) {
  if (rg_descriptor_is_set(&connection->socket) &&
      atomic_fetch_add_explicit(&connections->idle, 1, memory_order_relaxed) >=
          connections->max_idle) {
    atomic_fetch_sub_explicit(&connections->idle, 1, memory_order_relaxed);
    rg_connection_close(connection);
  }
  leave(connection);
}

int rg_connection_open(struct rg_connection* connection, const struct sockaddr_un* address,
                       const struct rg_call* call) {
  if (rg_descriptor_get(&connection->socket) >= 0) return 0;
  rg_connection_close(connection);
  const int fd = rg_connect(address, call);
  if (fd < 0) return fd;
  rg_descriptor_set(&connection->socket, fd);
  return 0;
}

void rg_connection_close(struct rg_connection* connection) {
  rg_descriptor_close(&connection->socket);
  connection->until_attach = 0;
  connection->generation = 0;
}

void rg_connections_abandon(struct rg_connections* connections) {
  struct rg_connection* c = atomic_load_explicit(&connections->first, memory_order_acquire);
  for (; c != NULL; c = c->next) {
    rg_connection_close(c);
    leave(c);
  }
  atomic_store_explicit(&connections->idle, 0, memory_order_relaxed);
}

void rg_connections_clear(struct rg_connections* connections) {
  struct rg_connection* c = atomic_load_explicit(&connections->first, memory_order_acquire);
  while (c != NULL) {
    struct rg_connection* next = c->next;
    rg_connection_close(c);
    free(c);
    c = next;
  }
}
