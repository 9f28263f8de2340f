/* Tells that this process is a child that inherited the client by fork(), without a system call,
 * a lock, or pthread_atfork (which cannot be undone and would outlive a dlclose).
 *
 * The guard is a word in a page that the kernel wipes in each child (MADV_WIPEONFORK): zero means
 * that this is a child, which has not yet let go of what its parent left in it. */
#ifndef RATEGATE_CLIENT_WIRE_FORK_GUARD_H
#define RATEGATE_CLIENT_WIRE_FORK_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rg_fork_guard {
  _Atomic uint32_t* state;
};

/* 0 or -errno. */
int rg_fork_guard_open(struct rg_fork_guard* guard);
void rg_fork_guard_close(struct rg_fork_guard* guard);

/* True where there is nothing to let go of, as each call finds but the first one in a child. */
bool rg_fork_guard_passed(const struct rg_fork_guard* guard);

/* Of all callers in a new child, true for the one that has to clean up and then call
 * rg_fork_guard_pass; the others are held until it did, and get false. */
bool rg_fork_guard_claim(struct rg_fork_guard* guard);
void rg_fork_guard_pass(struct rg_fork_guard* guard);

#endif
