/* A descriptor of the library's own, which remembers what it was opened as.
 *
 * A program may close descriptors that it does not know: a child made by fork() often closes all
 * above 2. What it opens then has the same numbers. So a number alone says nothing: before the
 * library closes one, or writes to it, it looks whether it is still the same socket. That costs a
 * system call, which is why a check in place does without. */
#ifndef RATEGATE_CLIENT_WIRE_DESCRIPTOR_H
#define RATEGATE_CLIENT_WIRE_DESCRIPTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One thread sets and closes it; any may look meanwhile, and then finds at worst that it is not
 * ours. It has to be a socket: of those each has an inode of its own, unlike eventfds and the like,
 * which share one. */
struct rg_descriptor {
  atomic_int fd; /* -1: none */
  _Atomic uint64_t device;
  _Atomic uint64_t inode;
};

/* Takes the socket over in place of what was there, which is forgotten and not closed. */
void rg_descriptor_set(struct rg_descriptor* descriptor, int fd);

/* The same descriptor under a number above 2, close-on-exec, in place of `fd`; or -errno, and `fd`
 * is closed. A program that was started without standard output prints into whatever is opened
 * next, which must not be the daemon's socket. */
int rg_above_standard(int fd);

/* A new Unix socket of that type under such a number, close-on-exec; or -errno. */
int rg_socket(int type);

/* Its number where it is still the socket that it was, else -1. */
int rg_descriptor_get(const struct rg_descriptor* descriptor);

/* Forgets it, and closes it where it is still the library's to close. */
void rg_descriptor_close(struct rg_descriptor* descriptor);

/* Whether one was set and not closed by the library: no system call, and good only to choose. */
static inline bool rg_descriptor_is_set(const struct rg_descriptor* descriptor) {
  return atomic_load_explicit(&descriptor->fd, memory_order_relaxed) >= 0;
}

#endif
