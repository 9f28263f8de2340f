#include "client/transport.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/deadline.h"

/* While the daemon's backlog is full, connect() on a Unix socket has nothing to poll for. It can
 * block, for as long as SO_SNDTIMEO says; in slices, so that a cancel does not wait for it. */
#define CONNECT_SLICE_MS 50

static int connect_slice(int fd, const struct sockaddr_un* address, int64_t deadline) {
  const int64_t now = rg_now();
  int64_t end = rg_after_ms(now, CONNECT_SLICE_MS);
  if (end > deadline) end = deadline;
  /* Zero would mean no time-out at all. */
  const int64_t us = end > now + 1000 ? (end - now) / 1000 : 1;
  const struct timeval slice = {.tv_sec = 0, .tv_usec = (suseconds_t)us};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice) != 0) return -errno;
  return connect(fd, (const struct sockaddr*)address, sizeof *address) == 0 ? 0 : -errno;
}

int rg_connect(const struct sockaddr_un* address, int cancel_fd, int64_t deadline) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int rc;
  for (;;) {
    rc = connect_slice(fd, address, deadline);
    if (rc != -EAGAIN && rc != -EINTR) break;
    const int looked = rg_wait(-1, 0, cancel_fd, 0);
    if (looked == -ECANCELED || rg_now() >= deadline) {
      rc = looked;
      break;
    }
  }
  if (rc == 0) return fd;
  close(fd);
  return rc == -ENOENT || rc == -ENOTDIR ? -ECONNREFUSED : rc;
}

int rg_send(int fd, const char* data, size_t size, int cancel_fd, int64_t deadline) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      data += sent;
      size -= (size_t)sent;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return 0;
    } else if (errno == EAGAIN) {
      const int rc = rg_wait(fd, POLLOUT, cancel_fd, deadline);
      if (rc != 0) return rc;
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return 0;
}

int64_t rg_receive(int fd, char* data, size_t size, int cancel_fd, int64_t deadline) {
  for (;;) {
    const int rc = rg_wait(fd, POLLIN, cancel_fd, deadline);
    if (rc != 0) return rc;
    const ssize_t got = recv(fd, data, size, MSG_DONTWAIT);
    if (got > 0) return got;
    if (got == 0) return -ECONNRESET;
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
}
