/* What a check by the library costs its caller:
 *
 *   shm SOCKET LIMIT allowed|denied|latency|paced KEYS PROCESSES BURST SECONDS
 *
 * KEYS 0: by the handle alone. Prints one line of JSON. A pool holds two million permits at most,
 * which last for a few hundredths of a second here, and then the daemon fills it again: so time is
 * taken by bursts, and a burst counts only if each of its decisions was made in shared memory, as
 * the decision's decided_ns tells, and was of the kind that was asked for. How many counted is
 * told beside; where none did, "ns" is null. "cpu_ns" is the same in the process' CPU time, in
 * which the machine's other work is not. `latency` times each check, whoever decided it. `paced`
 * asks a burst each millisecond, and tells how many checks were decided in shared memory. */
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "bench/histogram.h"
#include "bench/measure.h"
#include "rategate/rategate.h"

#define MAX_KEYS 1000000
#define MAX_PROCESSES 16

struct key {
  char bytes[16];
};

struct job {
  rategate_limit* limit;
  struct key* keys; /* in the order they are asked */
  int key_count;
  int burst;
  bool denied;
  bool latency;
  bool paced;
  double seconds;
  int next;
};

struct result {
  double counted_ns; /* time of the bursts that count */
  double cpu_ns;     /* CPU time of them */
  uint64_t counted;  /* checks in them */
  uint64_t checks;
  uint64_t in_shared_memory; /* of all checks */
  struct bench_histogram histogram;
};

static bool decided_in_shared_memory(const rategate_decision* d) { return d->decided_ns != 0; }

static inline void check(struct job* job, rategate_decision* d) {
  const void* key = NULL;
  size_t size = 0;
  if (job->key_count > 0) {
    key = job->keys[job->next].bytes;
    size = 10;
    if (++job->next == job->key_count) job->next = 0;
  }
  rategate_error why;
  const int failed = rategate_check(job->limit, key, size, 1, d, &why);
  if (failed != 0) {
    fprintf(stderr, "rategate_check: %s: %s\n", strerror(-failed), why.text);
    exit(1);
  }
}

static void run_bursts(struct job* job, struct result* result) {
  const int32_t wanted = !job->denied;
  const int64_t end = bench_now_ns(CLOCK_MONOTONIC) + (int64_t)(job->seconds * 1e9);
  while (bench_now_ns(CLOCK_MONOTONIC) < end) {
    int shared = 0, fit = 0;
    /* Outside of what "ns" is, because reading it is a system call. */
    const int64_t cpu = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    const int64_t begin = bench_now_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < job->burst; i++) {
      rategate_decision d;
      check(job, &d);
      shared += decided_in_shared_memory(&d);
      fit += d.allowed == wanted;
    }
    const int64_t after = bench_now_ns(CLOCK_MONOTONIC);
    if (shared == job->burst && fit == job->burst) {
      result->counted_ns += (double)(after - begin);
      result->cpu_ns += (double)(bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
      result->counted += (uint64_t)job->burst;
    }
    result->checks += (uint64_t)job->burst;
    result->in_shared_memory += (uint64_t)shared;
  }
}

static void run_latency(struct job* job, struct result* result) {
  const double ns_per_tick = bench_ns_per_tick();
  const uint64_t ticks = (uint64_t)(job->seconds * 1e9 / ns_per_tick);
  const uint64_t begin = bench_ticks();
  for (uint64_t now = begin; now - begin < ticks;) {
    rategate_decision d;
    check(job, &d);
    const uint64_t after = bench_ticks();
    /* Tenths of ns: a bucket is wider than a tick otherwise. */
    bench_record(&result->histogram, (uint64_t)((double)(after - now) * ns_per_tick * 10));
    result->in_shared_memory += decided_in_shared_memory(&d);
    result->checks++;
    now = after;
  }
}

/* A caller that is late asks at once for what it has missed. */
static void run_paced(struct job* job, struct result* result) {
  const int64_t begin = bench_now_ns(CLOCK_MONOTONIC);
  const int64_t end = begin + (int64_t)(job->seconds * 1e9);
  for (int64_t due = begin; due < end; due += 1000000) {
    const struct timespec at = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
    }
    for (int i = 0; i < job->burst; i++) {
      rategate_decision d;
      check(job, &d);
      result->in_shared_memory += decided_in_shared_memory(&d);
      result->checks++;
    }
  }
}

static void run(struct job* job, struct result* result) {
  if (job->paced) {
    run_paced(job, result);
  } else if (job->latency) {
    run_latency(job, result);
  } else {
    run_bursts(job, result);
  }
}

/* A shuffled order, so that with many keys each check meets a line of memory it did not expect. */
static struct key* make_keys(int count) {
  struct key* keys = calloc((size_t)count + 1, sizeof *keys);
  if (keys == NULL) bench_die("calloc");
  for (int i = 0; i < count; i++) snprintf(keys[i].bytes, sizeof keys[i].bytes, "key:%06d", i);
  uint64_t random = 88172645463325252u;
  for (int i = count - 1; i > 0; i--) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    const int other = (int)(random % (uint64_t)(i + 1));
    const struct key kept = keys[i];
    keys[i] = keys[other], keys[other] = kept;
  }
  return keys;
}

/* Each process is a client of its own, on a core of its own. */
static void work(struct job job, const char* socket, const char* name, int index, int* here,
                 int processes, struct result* result) {
  rategate_client* client;
  const rategate_options options = {.size = sizeof options, .socket_path = socket};
  if (processes > 1) bench_pin(index);
  if (rategate_open(&client, &options) != 0 ||
      rategate_resolve(client, name, 0, 0, &job.limit) != 0) {
    fprintf(stderr, "no client of %s\n", socket);
    exit(1);
  }
  /* Attaches, and has the daemon learn the demand. */
  struct job warm = job;
  struct result* unused = calloc(1, sizeof *unused);
  if (unused == NULL) bench_die("calloc");
  warm.seconds = job.seconds / 4;
  (job.paced ? run_paced : run_bursts)(&warm, unused);
  free(unused);
  bench_meet(here, processes);
  run(&job, result);
  rategate_close(client);
}

static int print(const struct result* results, int processes) {
  struct result* all = calloc(1, sizeof *all);
  if (all == NULL) bench_die("calloc");
  for (int i = 0; i < processes; i++) {
    const struct result* one = &results[i];
    all->counted_ns += one->counted_ns;
    all->cpu_ns += one->cpu_ns;
    all->counted += one->counted;
    all->checks += one->checks;
    all->in_shared_memory += one->in_shared_memory;
    all->histogram.count += one->histogram.count;
    if (one->histogram.max > all->histogram.max) all->histogram.max = one->histogram.max;
    for (unsigned b = 0; b < BENCH_BUCKETS; b++) {
      all->histogram.buckets[b] += one->histogram.buckets[b];
    }
  }
  printf("{\"checks\": %llu, \"in_shared_memory\": %llu, \"counted\": %llu, \"ns\": ",
         (unsigned long long)all->checks, (unsigned long long)all->in_shared_memory,
         (unsigned long long)all->counted);
  if (all->counted > 0) {
    const double counted = (double)all->counted;
    printf("%.3f, \"cpu_ns\": %.3f", all->counted_ns / counted, all->cpu_ns / counted);
  } else {
    printf("null");
  }
  if (all->histogram.count > 0) {
    printf(", ");
    bench_print_histogram(&all->histogram, 10);
  }
  printf("}\n");
  free(all);
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 8) {
    fprintf(stderr,
            "usage: %s SOCKET LIMIT allowed|denied|latency|paced KEYS PROCESSES BURST SECONDS\n",
            argv[0]);
    return 2;
  }
  struct job job = {.denied = strcmp(argv[3], "denied") == 0,
                    .latency = strcmp(argv[3], "latency") == 0,
                    .paced = strcmp(argv[3], "paced") == 0,
                    .key_count = atoi(argv[4]),
                    .burst = atoi(argv[6]),
                    .seconds = strtod(argv[7], NULL)};
  const int processes = atoi(argv[5]);
  if (job.key_count < 0 || job.key_count > MAX_KEYS || processes < 1 || processes > MAX_PROCESSES ||
      job.burst < 1) {
    fprintf(stderr, "a number is out of its range\n");
    return 2;
  }
  job.keys = make_keys(job.key_count);
  struct result* results = bench_shared(sizeof *results * (size_t)processes);
  int* here = bench_shared(sizeof *here);
  for (int i = 1; i < processes; i++) {
    const pid_t child = fork();
    if (child < 0) bench_die("fork");
    if (child == 0) {
      work(job, argv[1], argv[2], i, here, processes, &results[i]);
      _exit(0);
    }
  }
  work(job, argv[1], argv[2], 0, here, processes, &results[0]);
  for (int status; wait(&status) > 0;) {
    if (status != 0) return 1;
  }
  free(job.keys);
  return print(results, processes);
}
