#include "client/wire/transport.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/wire/deadline.h"
#include "client/wire/descriptor.h"

/* While the daemon's backlog is full, connect() on a Unix socket has nothing to poll for. It blocks
 * for as long as SO_SNDTIMEO says: a slice at a time, so that a cancel does not wait for it. */
#define CONNECT_SLICE_MS 50

static int connect_slice(int fd, const struct sockaddr_un* address, int64_t deadline) {
  const int64_t now = rg_now();
  int64_t end = rg_after_ms(now, CONNECT_SLICE_MS);
  if (end > deadline) end = deadline;
  /* A slice of zero would mean no time-out at all. */
  const int64_t us = end > now + 1000 ? (end - now) / 1000 : 1;
  const struct timeval slice = {.tv_sec = 0, .tv_usec = (suseconds_t)us};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice) != 0) return -errno;
  return connect(fd, (const struct sockaddr*)address, sizeof *address) == 0 ? 0 : -errno;
}

int rg_connect(const struct sockaddr_un* address, const struct rg_call* call) {
  const struct rg_call look = {.deadline = 0, .cancel_fd = call->cancel_fd};
  const int fd = rg_socket(SOCK_STREAM);
  if (fd < 0) return fd;
  int rc;
  for (;;) {
    rc = connect_slice(fd, address, call->deadline);
    if (rc != -EAGAIN && rc != -EINTR) break;
    const int looked = rg_wait(&look, -1, 0);
    if (looked == -ECANCELED || rg_now() >= call->deadline) {
      rc = looked;
      break;
    }
  }
  if (rc == 0) return fd;
  close(fd);
  return rc == -ENOENT || rc == -ENOTDIR ? -ECONNREFUSED : rc;
}

int rg_send(int fd, const char* data, size_t size, const struct rg_call* call) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      data += sent;
      size -= (size_t)sent;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return 0;
    } else if (errno == EAGAIN) {
      const int rc = rg_wait(call, fd, POLLOUT);
      if (rc != 0) return rc;
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return 0;
}

static void keep_descriptors(struct msghdr* message, struct rg_descriptors* passed) {
  for (struct cmsghdr* c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      fd = rg_above_standard(fd);
      if (fd < 0) continue;
      if (passed->count < (int)(sizeof passed->fd / sizeof passed->fd[0])) {
        passed->fd[passed->count++] = fd;
      } else {
        close(fd);
      }
    }
  }
}

static ssize_t receive_with(int fd, char* data, size_t size, struct rg_descriptors* passed) {
  /* The kernel closes the descriptors that there is no room for. */
  union {
    char bytes[CMSG_SPACE(sizeof passed->fd)];
    struct cmsghdr aligned;
  } control;
  struct iovec bytes = {.iov_base = data, .iov_len = size};
  struct msghdr message = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  const ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got >= 0) keep_descriptors(&message, passed);
  return got;
}

int64_t rg_receive(int fd, char* data, size_t size, struct rg_descriptors* passed,
                   const struct rg_call* call) {
  for (;;) {
    const int rc = rg_wait(call, fd, POLLIN);
    if (rc != 0) return rc;
    const ssize_t got =
        passed == NULL ? recv(fd, data, size, MSG_DONTWAIT) : receive_with(fd, data, size, passed);
    if (got > 0) return got;
    if (got == 0) return -ECONNRESET;
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
}
