/* Opening, cancelling and closing a client, and what becomes of it in a child made by fork(). */
#include "client/api/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_MAX_IDLE 64

/* The size of rategate_options in the first release: no program has a smaller one. */
#define OPTIONS_SIZE_0_1 (offsetof(rategate_options, flags) + sizeof(uint32_t))
#define KNOWN_FLAGS (RATEGATE_NO_SHM | RATEGATE_RECEIPTS)

static int read_options(rategate_options* mine, const rategate_options* given) {
  memset(mine, 0, sizeof *mine);
  if (given != NULL) {
    /* A program that was built with a later release may have more members. What they would ask for
     * is not known here, so they must be unset. */
    if (given->size < OPTIONS_SIZE_0_1) return -EINVAL;
    for (size_t i = sizeof *mine; i < given->size; ++i) {
      if (((const unsigned char*)given)[i] != 0) return -EINVAL;
    }
    memcpy(mine, given, given->size < sizeof *mine ? given->size : sizeof *mine);
  }
  if (mine->socket_path == NULL) {
    const char* set = secure_getenv("RATEGATE_SOCKET");
    mine->socket_path = set != NULL && *set != '\0' ? set : RATEGATE_DEFAULT_SOCKET;
  }
  if (mine->timeout_ms == 0) mine->timeout_ms = DEFAULT_TIMEOUT_MS;
  if (mine->max_idle == 0) mine->max_idle = DEFAULT_MAX_IDLE;
  return *mine->socket_path == '\0' || (mine->flags & ~KNOWN_FLAGS) != 0 ? -EINVAL : 0;
}

static void open_cancel(rategate_client* client) {
  const int fd = rg_socket(SOCK_DGRAM);
  /* What is not there later was closed by the program. */
  client->cancel_errno = fd >= 0 ? -EBADF : fd;
  rg_descriptor_set(&client->cancel, fd);
}

int rategate_open(rategate_client** client, const rategate_options* options) {
  if (client == NULL) return -EINVAL;
  rategate_options wanted;
  int rc = read_options(&wanted, options);
  if (rc != 0) return rc;
  const size_t length = strlen(wanted.socket_path);
  rategate_client* fresh = calloc(1, sizeof *fresh);
  if (fresh == NULL) return -ENOMEM;
  if (length >= sizeof fresh->connections.address.sun_path) {
    rc = -ENAMETOOLONG;
    goto failed;
  }
  fresh->connections.address.sun_family = AF_UNIX;
  memcpy(fresh->connections.address.sun_path, wanted.socket_path, length + 1);
  fresh->timeout_ms = wanted.timeout_ms;
  fresh->receipts = (wanted.flags & RATEGATE_RECEIPTS) != 0;
  fresh->connections.max_idle = wanted.max_idle;
  rg_shared_open(&fresh->shared, (wanted.flags & RATEGATE_NO_SHM) != 0);
  open_cancel(fresh);
  if (!rg_descriptor_is_set(&fresh->cancel)) {
    rc = fresh->cancel_errno;
    goto failed;
  }
  rc = rg_fork_guard_open(&fresh->guard);
  if (rc == 0) {
    *client = fresh;
    return 0;
  }
  rg_descriptor_close(&fresh->cancel);
failed:
  free(fresh);
  return rc;
}

void rategate_close(rategate_client* client) {
  if (client == NULL) return;
  rg_connections_clear(&client->connections);
  rg_descriptor_close(&client->cancel);
  rg_fork_guard_close(&client->guard);
  rategate_limit* limit = atomic_load_explicit(&client->limits, memory_order_acquire);
  while (limit != NULL) {
    rategate_limit* next = limit->next;
    rg_shared_limit_close(&limit->in_place);
    free(limit);
    limit = next;
  }
  rg_shared_close(&client->shared);
  free(client);
}

const char* rategate_socket_path(const rategate_client* client) {
  return client->connections.address.sun_path;
}

const char* rategate_version(void) { return RATEGATE_VERSION; }

static void signal_cancel(const rategate_client* client) {
  const int fd = rg_descriptor_get(&client->cancel);
  if (fd >= 0) shutdown(fd, SHUT_RD);
}

void rategate_cancel(rategate_client* client) {
  const int saved_errno = errno; /* the caller may be a signal handler */
  atomic_store(&client->cancelled, true);
  /* In a child that has not used the client yet, the socket is still the parent's, whose calls
   * must not end. Nobody in the child waits on it, and who passes the guard there looks at
   * `cancelled` afterwards. */
  if (rg_fork_guard_passed(&client->guard)) signal_cancel(client);
  errno = saved_errno;
}

void rg_after_fork(rategate_client* client) {
  if (rg_fork_guard_passed(&client->guard) || !rg_fork_guard_claim(&client->guard)) return;
  rg_connections_abandon(&client->connections);
  atomic_store(&client->entries, 0);
  atomic_fetch_add(&client->life, 1);
  rg_shared_after_fork(&client->shared);
  rg_descriptor_close(&client->cancel);
  open_cancel(client); /* a failure is told by the calls that need it */
  rg_fork_guard_pass(&client->guard);
  if (atomic_load(&client->cancelled)) signal_cancel(client);
}
