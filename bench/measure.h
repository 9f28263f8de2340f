/* What the programs in C share: the clock, a core to stay on, two processes that start together. */
#ifndef RATEGATE_BENCH_MEASURE_H
#define RATEGATE_BENCH_MEASURE_H

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static inline int64_t bench_now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Ticks of what costs least to read; bench_ns_per_tick says how long one is. */
static inline uint64_t bench_ticks(void) {
#ifdef __x86_64__
  return __builtin_ia32_rdtsc();
#else
  return (uint64_t)bench_now_ns(CLOCK_MONOTONIC);
#endif
}

static inline double bench_ns_per_tick(void) {
  const int64_t begin_ns = bench_now_ns(CLOCK_MONOTONIC);
  const uint64_t begin = bench_ticks();
  while (bench_now_ns(CLOCK_MONOTONIC) - begin_ns < 20000000) {
  }
  const double ticks = (double)(bench_ticks() - begin);
  return (double)(bench_now_ns(CLOCK_MONOTONIC) - begin_ns) / ticks;
}

static inline _Noreturn void bench_die(const char* what) {
  perror(what);
  exit(1);
}

/* Stays on the n-th core that this process may use; with fewer of them, shares. */
static inline void bench_pin(int n) {
  cpu_set_t may, one;
  if (sched_getaffinity(0, sizeof may, &may) != 0) bench_die("sched_getaffinity");
  int left = n % CPU_COUNT(&may); /* how many to pass by */
  for (size_t core = 0; core < CPU_SETSIZE; core++) {
    if (!CPU_ISSET(core, &may) || left-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) bench_die("sched_setaffinity");
    return;
  }
}

/* Zeros that children share with their parent, never freed before the program ends. */
static inline void* bench_shared(size_t bytes) {
  void* memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) bench_die("mmap");
  return memory;
}

/* Comes back when `count` processes have called it. */
static inline void bench_meet(int* here, int count) {
  __atomic_add_fetch(here, 1, __ATOMIC_ACQ_REL);
  while (__atomic_load_n(here, __ATOMIC_ACQUIRE) < count) sched_yield();
}

#endif
