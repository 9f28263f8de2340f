/* A stream over a Unix socket, each step of which ends with the call it is taken for. Raises
 * no signal; descriptors are close-on-exec. */
#ifndef RATEGATE_CLIENT_WIRE_TRANSPORT_H
#define RATEGATE_CLIENT_WIRE_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "client/wire/call.h"

/* Returns a connected descriptor or -errno; -ECONNREFUSED also where there is no such path, so
 * that -ENOENT can mean one thing only. */
int rg_connect(const struct sockaddr_un* address, const struct rg_call* call);

/* Returns 0 or -errno. A peer that has hung up is no error here: it may have said why before, and
 * receiving tells. */
int rg_send(int fd, const char* data, size_t size, const struct rg_call* call);

/* Descriptors that came with the bytes, and are the receiver's to close. */
struct rg_descriptors {
  int fd[2];
  int count;
};

/* Receives 1 to `size` bytes and returns how many, or -errno: -ECONNRESET when the peer hung up.
 * Descriptors that come along are added to `passed`, or closed where there is no more room (NULL:
 * none). */
int64_t rg_receive(int fd, char* data, size_t size, struct rg_descriptors* passed,
                   const struct rg_call* call);

#endif
