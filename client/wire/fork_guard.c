#include "client/wire/fork_guard.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

enum { WIPED = 0, CLAIMED = 1, PASSED = 2 };

int rg_fork_guard_open(struct rg_fork_guard* guard) {
  void* page =
      mmap(NULL, sizeof *guard->state, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return -errno;
  guard->state = page;
  if (madvise(page, sizeof *guard->state, MADV_WIPEONFORK) != 0) {
    const int rc = -errno;
    rg_fork_guard_close(guard);
    return rc;
  }
  rg_fork_guard_pass(guard);
  return 0;
}

void rg_fork_guard_close(struct rg_fork_guard* guard) {
  munmap((void*)guard->state, sizeof *guard->state);
}

/* All of it is sequentially consistent: rategate_cancel needs that either it sees PASSED, or who
 * passes the guard sees that the client was cancelled. */
bool rg_fork_guard_passed(const struct rg_fork_guard* guard) {
  return atomic_load(guard->state) == PASSED;
}

bool rg_fork_guard_claim(struct rg_fork_guard* guard) {
  uint32_t seen = WIPED;
  if (atomic_compare_exchange_strong(guard->state, &seen, CLAIMED)) return true;
  /* Another thread is letting go: it closes a few descriptors, once in a process. */
  while (atomic_load(guard->state) == CLAIMED) sched_yield();
  return false;
}

void rg_fork_guard_pass(struct rg_fork_guard* guard) { atomic_store(guard->state, PASSED); }
