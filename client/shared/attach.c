/* ATTACH is asked when nothing else is under way on its connection, because two descriptors come
 * with the answer.
 *
 * A child made by fork() has the mapping and the descriptors of its parent. Descriptors that a
 * thread of the parent was just receiving stay open in the child, where nobody knows them: two,
 * once, and they are close-on-exec. */
#include "client/shared/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/wire/deadline.h"
#include "client/wire/exchange.h"
#include "client/wire/integers.h"

#define MIN_COARSE_LAG_NS (20 * RG_NS_PER_MS)

/* A daemon that gave nothing may have had too much to hand out just then; or this process had no
 * descriptors, or no memory. */
#define CHECKS_UNTIL_ATTACH 1024

enum { VERSION, GENERATION, DAEMON_NS, BYTES, FIELDS };

/* clock_getres does not bound how far the coarse clock lags: 12 ms were measured where it said
 * 4. */
static int64_t coarse_lag_ns(void) {
  struct timespec resolution;
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0) return 5 * MIN_COARSE_LAG_NS;
  const int64_t lag = 5 * rg_nanoseconds(&resolution);
  return lag > MIN_COARSE_LAG_NS ? lag : MIN_COARSE_LAG_NS;
}

void rg_shared_open(struct rg_shared* shared, bool off) {
  shared->off = off;
  shared->coarse_lag_ns = coarse_lag_ns();
  atomic_init(&shared->segment, NULL);
  rg_descriptor_set(&shared->nudges, -1);
  atomic_init(&shared->attaching, false);
}

void rg_shared_close(struct rg_shared* shared) {
  rg_segment_free(atomic_load_explicit(&shared->segment, memory_order_acquire));
  rg_descriptor_close(&shared->nudges);
}

void rg_shared_after_fork(struct rg_shared* shared) {
  atomic_store_explicit(&shared->attaching, false, memory_order_relaxed);
}

static void take_nudges(struct rg_shared* shared, struct rg_descriptors* passed) {
  const int nudge_fd = rg_descriptor_get(&shared->nudges);
  if (nudge_fd < 0) {
    rg_descriptor_set(&shared->nudges, passed->fd[1]);
    passed->count = 1;
  } else {
    dup3(passed->fd[1], nudge_fd, O_CLOEXEC);
    rg_descriptor_set(&shared->nudges, nudge_fd);
  }
}

/* Maps the segment that the answer tells of, if this process can use it. Descriptors that are kept
 * are taken out of `passed`. Returns the generation that is mapped then, 0 for none. */
static uint64_t take_over(struct rg_shared* shared, const int64_t field[FIELDS],
                          struct rg_descriptors* passed) {
  if (field[VERSION] != RG_SHM_LAYOUT_VERSION || field[GENERATION] <= 0 || passed->count != 2) {
    return 0;
  }
  const uint64_t generation = (uint64_t)field[GENERATION];
  /* One thread at a time comes here: see `attaching`. */
  struct rg_segment* current = atomic_load_explicit(&shared->segment, memory_order_acquire);
  if (current != NULL && current->generation == generation) {
    /* The program may have closed the descriptor, and not the mapping. */
    if (rg_descriptor_get(&shared->nudges) < 0) take_nudges(shared, passed);
    return generation;
  }
  struct rg_segment* fresh = NULL;
  if (rg_segment_map(passed->fd[0], field[BYTES], generation, &fresh) != 0) return 0;
  fresh->older = current;
  take_nudges(shared, passed);
  /* Release: who sees the segment sees what it is made of. */
  atomic_store_explicit(&shared->segment, fresh, memory_order_release);
  if (current != NULL) rg_segment_blank(current);
  return generation;
}

static void ask_to_attach(struct rg_shared* shared, struct rg_connection* connection,
                          const struct rg_call* call) {
  char asked[RG_MAX_HEADER + RG_MAX_WORD(6)];
  char answered[RG_MAX_INTEGERS];
  struct rg_descriptors passed = {.count = 0};
  struct rg_request request = {.data = asked};
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .passed = &passed};
  rg_put_count(&request, 1);
  rg_put_text(&request, "ATTACH");
  connection->until_attach = CHECKS_UNTIL_ATTACH;
  const int64_t before = rg_now();
  const bool whole = rg_ask_on(connection, &request, &answer, call);
  const int64_t after = rg_now();
  int64_t field[FIELDS];
  /* A daemon's clock that does not lie between the two readings is another time namespace's. */
  if (whole && rg_read_integers(answered, answer.size, FIELDS, field) > 0 &&
      field[DAEMON_NS] >= before && field[DAEMON_NS] <= after) {
    connection->generation = take_over(shared, field, &passed);
  }
  for (int i = 0; i < passed.count; ++i) close(passed.fd[i]);
}

void rg_attach(struct rg_shared* shared, struct rg_connection* connection,
               const struct rg_call* call) {
  if (shared->off || connection->generation != 0) return;
  if (connection->until_attach > 0) {
    --connection->until_attach;
    return;
  }
  /* Acquire, and release below: what the last thread took over comes before what this one does. */
  if (atomic_exchange_explicit(&shared->attaching, true, memory_order_acquire)) return;
  ask_to_attach(shared, connection, call);
  atomic_store_explicit(&shared->attaching, false, memory_order_release);
}

void rg_nudge(const struct rg_shared* shared, uint32_t slot) {
  const int saved_errno = errno;
  const int fd = rg_descriptor_get(&shared->nudges);
  /* A nudge that is lost costs some check the way over the socket, and no more. */
  const ssize_t ignored = send(fd, &slot, sizeof slot, MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)ignored;
  errno = saved_errno;
}
