#include "client/wire/call.h"

#include <errno.h>
#include <poll.h>

#include "client/wire/deadline.h"

int rg_wait(const struct rg_call* call, int fd, short events) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = fd, .events = events},
                            {.fd = call->cancel_fd, .events = POLLIN}};
    struct timespec left = {0, 0};
    if (call->deadline != RG_NEVER) {
      const int64_t ns = call->deadline - rg_now();
      if (ns > 0) left = rg_timespec(ns);
    }
    const int ready = ppoll(fds, 2, call->deadline == RG_NEVER ? NULL : &left, NULL);
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready == 0) return -ETIMEDOUT;
    if (ready > 0 && fds[1].revents != 0) return -ECANCELED;
    if (ready > 0) return 0; /* also on POLLHUP and POLLERR: the next read says what it is */
  }
}
