/* What a caller of the stress test writes down of each decision that allowed it: into a mapped
 * file, so that nothing of it is lost when the caller is killed with -9. A decision that was made
 * and not yet written down when that happens is missing, which only ever under-counts. C11 and C++
 * alike; evaluate.py reads the same bytes. */
#ifndef RATEGATE_TESTS_STRESS_RECORD_H
#define RATEGATE_TESTS_STRESS_RECORD_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shm/layout.h"

#define STRESS_MAX_RECORDS (UINT64_C(1) << 20) /* sparse: only what is written takes room */

/* The first 48 bytes of the file. */
struct stress_header {
  uint64_t next;    /* records begun; a record below it may still be without its mark */
  uint64_t allowed; /* checks; the next three as well */
  uint64_t denied;
  uint64_t failed;     /* without a decision */
  uint64_t longest_ns; /* a call */
  uint64_t unused;
};

struct stress_record {
  uint32_t mark; /* 1; written last, by stress_write */
  uint16_t limit;
  uint16_t key;
  uint32_t cost;
  uint32_t unused;
  int64_t before_ns; /* CLOCK_MONOTONIC before the call, and after it */
  int64_t after_ns;
  int64_t decided_ns; /* what the library says: see rategate_decision */
  int64_t window_end_ms;
};

RG_STATIC_ASSERT(sizeof(struct stress_header) == 48, "evaluate.py reads it so");
RG_STATIC_ASSERT(sizeof(struct stress_record) == 48, "evaluate.py reads it so");

struct stress_log {
  struct stress_header* header;
  struct stress_record* records;
};

static inline int64_t stress_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Makes the file. False, with errno, where that fails. */
static inline bool stress_open(struct stress_log* log, const char* path) {
  const size_t bytes =
      sizeof(struct stress_header) + STRESS_MAX_RECORDS * sizeof(struct stress_record);
  const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) return false;
  void* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) return false;
  log->header = (struct stress_header*)memory;
  log->records = (struct stress_record*)((unsigned char*)memory + sizeof(struct stress_header));
  return true;
}

static inline void stress_count(uint64_t* counter) {
  __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* False when the file is full. Any number of threads may write. */
static inline bool stress_write(const struct stress_log* log, const struct stress_record* record) {
  const uint64_t at = __atomic_fetch_add(&log->header->next, 1, __ATOMIC_RELAXED);
  if (at >= STRESS_MAX_RECORDS) return false;
  struct stress_record* place = &log->records[at];
  *place = *record;
  __atomic_store_n(&place->mark, 1, __ATOMIC_RELEASE);
  return true;
}

static inline void stress_note_call(const struct stress_log* log, int64_t took_ns) {
  uint64_t longest = __atomic_load_n(&log->header->longest_ns, __ATOMIC_RELAXED);
  while ((uint64_t)took_ns > longest &&
         !__atomic_compare_exchange_n(&log->header->longest_ns, &longest, (uint64_t)took_ns, false,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

#endif
