/* What the callers of the stress test ask for: limits from the command line, and bursts of checks
 * at random. C11 and C++ alike. */
#ifndef RATEGATE_TESTS_STRESS_LOAD_H
#define RATEGATE_TESTS_STRESS_LOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STRESS_MAX_LIMITS 16
#define STRESS_MAX_BURST 64

/* NAME:PERMITS:PERIOD_MS:KEYS, with 0 permits where the daemon is configured with it, and 0 keys
 * where it is asked without one. */
struct stress_limit {
  char name[65];
  long permits;
  long period_ms;
  long keys;
};

/* False where the text is none. */
static inline int stress_parse_limit(const char* text, struct stress_limit* limit) {
  return sscanf(text, "%64[^:]:%ld:%ld:%ld", limit->name, &limit->permits, &limit->period_ms,
                &limit->keys) == 4;
}

/* xorshift64 (Marsaglia 2003); the state is never 0. */
static inline uint64_t stress_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state >> 16;
}

static inline uint32_t stress_below(uint64_t* state, long bound) {
  return (uint32_t)(stress_random(state) % (uint64_t)bound);
}

/* Every second key is longer than a slot has room for. */
static inline size_t stress_key(uint32_t number, char text[64]) {
  const int size = number % 2 == 0
                       ? snprintf(text, 64, "k%u", number)
                       : snprintf(text, 64, "a-key-that-does-not-fit-in-a-slot-%u", number);
  return (size_t)size;
}

/* One permit mostly. */
static inline uint32_t stress_cost(uint64_t* state) {
  return stress_below(state, 8) > 0 ? 1 : 1 + stress_below(state, 4);
}

/* Between bursts: up to 2 ms, so that all callers leave the daemons some of two cores. */
static inline void stress_pause(uint64_t* state) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)stress_below(state, 2000000)};
  nanosleep(&pause, NULL);
}

#endif
