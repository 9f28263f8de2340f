/* A preload that shifts what a program reads from its clocks by a constant:
 * CLOCK_SHIFT_REALTIME_MS for the wall clock, CLOCK_SHIFT_MONOTONIC_MS for the monotonic one.
 * CLOCK_STEP_FILE names a file of eight bytes, the ms by which the wall clock is shifted further:
 * it steps whenever somebody writes there.
 *
 * The kernel is asked by system call: looking up the real functions would need dlsym, which may
 * allocate, and an allocator may ask the clock. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t shift_of(const char* variable) {
  const char* text = getenv(variable);
  return text == NULL ? 0 : (int64_t)strtoll(text, NULL, 10) * 1000000;
}

static const volatile int64_t* step_ms;

__attribute__((constructor)) static void map_step(void) {
  const char* path = getenv("CLOCK_STEP_FILE");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(NULL, 2 * sizeof(*step_ms), PROT_READ, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) step_ms = mapped;
  close(fd);
}

static int64_t step(int clock) { return step_ms == NULL ? 0 : step_ms[clock] * 1000000; }

static void add_ns(struct timespec* time, int64_t shift) {
  const int64_t ns = time->tv_nsec + shift % 1000000000;
  time->tv_sec += (time_t)(shift / 1000000000);
  time->tv_nsec = (long)ns;
  if (ns < 0) {
    time->tv_nsec += 1000000000;
    time->tv_sec -= 1;
  } else if (ns >= 1000000000) {
    time->tv_nsec -= 1000000000;
    time->tv_sec += 1;
  }
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  const int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result != 0) return result;
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      add_ns(time, shift_of("CLOCK_SHIFT_REALTIME_MS") + step(0));
      break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
      add_ns(time, shift_of("CLOCK_SHIFT_MONOTONIC_MS") + step(1));
      break;
    case CLOCK_BOOTTIME:
      add_ns(time, shift_of("CLOCK_SHIFT_MONOTONIC_MS"));
      break;
    default:
      break;
  }
  return 0;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
