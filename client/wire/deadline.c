#include "client/wire/deadline.h"

#include <errno.h>
#include <poll.h>

int64_t rg_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return rg_nanoseconds(&now);
}

int64_t rg_after_ms(int64_t start, int64_t ms) {
  if (ms < 0 || ms > (RG_NEVER - start) / RG_NS_PER_MS) return RG_NEVER;
  return start + ms * RG_NS_PER_MS;
}

int rg_wait(int fd, short events, int cancel_fd, int64_t deadline) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
    struct timespec left = {0, 0};
    if (deadline != RG_NEVER) {
      const int64_t ns = deadline - rg_now();
      if (ns > 0) left = rg_timespec(ns);
    }
    const int ready = ppoll(fds, 2, deadline == RG_NEVER ? NULL : &left, NULL);
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready == 0) return -ETIMEDOUT;
    if (ready > 0 && fds[1].revents != 0) return -ECANCELED;
    if (ready > 0) return 0; /* also on POLLHUP and POLLERR: the next read says what it is */
  }
}
