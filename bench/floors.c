/* What the machine itself costs, below which no limiter can be:
 *
 *   floors coarse_cas|precise_cas|precise_clock|contended_cas|ping_pong|memory SECONDS
 *
 * Prints one line of JSON, {"ns": time of one operation}. */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/measure.h"

#define BURST 1000

/* One permit taken from a word in shared memory, after reading the clock that a decision needs. */
static uint64_t cas_with_clock(uint64_t* word, clockid_t clock) {
  uint64_t unused = 0;
  for (int i = 0; i < BURST; i++) {
    unused += (uint64_t)bench_now_ns(clock);
    uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(word, &seen, seen - 2, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
    }
  }
  return unused;
}

static uint64_t clock_alone(uint64_t* word, clockid_t clock) {
  uint64_t unused = *word;
  for (int i = 0; i < BURST; i++) unused += (uint64_t)bench_now_ns(clock);
  return unused;
}

static uint64_t bare_cas(uint64_t* word, clockid_t clock) {
  (void)clock;
  for (int i = 0; i < BURST; i++) {
    uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(word, &seen, seen - 2, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
    }
  }
  return 0;
}

/* A chain through 64 MiB, each step to a line that no prefetcher guesses. */
static uint64_t* chain(void) {
  const uint64_t lines = 1 << 20;
  uint64_t* memory = bench_shared(lines * 64);
  uint64_t* order = malloc(lines * sizeof *order);
  if (order == NULL) bench_die("malloc");
  uint64_t random = 88172645463325252u;
  for (uint64_t i = 0; i < lines; i++) order[i] = i;
  for (uint64_t i = lines - 1; i > 0; i--) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    const uint64_t other = random % (i + 1), kept = order[i];
    order[i] = order[other], order[other] = kept;
  }
  for (uint64_t i = 0; i < lines; i++) memory[order[i] * 8] = order[(i + 1) % lines] * 8;
  free(order);
  return memory;
}

static uint64_t chase(uint64_t* memory, clockid_t clock) {
  static uint64_t at;
  (void)clock;
  for (int i = 0; i < BURST; i++) at = memory[at];
  return at;
}

typedef uint64_t operation(uint64_t* word, clockid_t clock);

static double time_of(operation* run, uint64_t* word, clockid_t clock, double seconds) {
  volatile uint64_t sink = 0;
  const int64_t begin = bench_now_ns(CLOCK_MONOTONIC), end = begin + (int64_t)(seconds * 1e9);
  int64_t now = begin;
  double count = 0;
  for (; now < end; now = bench_now_ns(CLOCK_MONOTONIC)) {
    sink = sink + run(word, clock);
    count += BURST;
  }
  return (double)(now - begin) / count;
}

/* Two processes on one word, each on a core of its own: what one operation takes each of them. */
static double contended(double seconds) {
  struct {
    uint64_t word;
    unsigned char apart[120];
    double child_ns;
    int here;
  }* shared = bench_shared(sizeof *shared);
  const pid_t child = fork();
  if (child < 0) bench_die("fork");
  bench_pin(child == 0);
  bench_meet(&shared->here, 2);
  const double ns = time_of(bare_cas, &shared->word, CLOCK_MONOTONIC, seconds);
  if (child == 0) {
    shared->child_ns = ns;
    _exit(0);
  }
  if (waitpid(child, NULL, 0) != child) bench_die("waitpid");
  return (ns + shared->child_ns) / 2;
}

/* A byte there and back over a Unix stream socket. */
static double ping_pong(double seconds) {
  int ends[2];
  char byte = 'x';
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) bench_die("socketpair");
  const pid_t child = fork();
  if (child < 0) bench_die("fork");
  if (child == 0) {
    close(ends[0]);
    while (read(ends[1], &byte, 1) == 1 && write(ends[1], &byte, 1) == 1) {
    }
    _exit(0);
  }
  close(ends[1]);
  const int64_t begin = bench_now_ns(CLOCK_MONOTONIC), end = begin + (int64_t)(seconds * 1e9);
  int64_t now = begin;
  double count = 0;
  for (; now < end; now = bench_now_ns(CLOCK_MONOTONIC), count++) {
    if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) bench_die("ping");
  }
  close(ends[0]);
  waitpid(child, NULL, 0);
  return (double)(now - begin) / count;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s NAME SECONDS\n", argv[0]);
    return 2;
  }
  const char* name = argv[1];
  const double seconds = strtod(argv[2], NULL);
  uint64_t* word = bench_shared(4096);
  double ns = 0;
  if (strcmp(name, "contended_cas") == 0) {
    ns = contended(seconds);
  } else if (strcmp(name, "ping_pong") == 0) {
    ns = ping_pong(seconds);
  } else {
    bench_pin(0);
    if (strcmp(name, "coarse_cas") == 0) {
      ns = time_of(cas_with_clock, word, CLOCK_MONOTONIC_COARSE, seconds);
    } else if (strcmp(name, "precise_cas") == 0) {
      ns = time_of(cas_with_clock, word, CLOCK_MONOTONIC, seconds);
    } else if (strcmp(name, "precise_clock") == 0) {
      ns = time_of(clock_alone, word, CLOCK_MONOTONIC, seconds);
    } else if (strcmp(name, "memory") == 0) {
      ns = time_of(chase, chain(), CLOCK_MONOTONIC, seconds);
    } else {
      fprintf(stderr, "no floor is called %s\n", name);
      return 2;
    }
  }
  printf("{\"ns\": %.3f}\n", ns);
  return 0;
}
