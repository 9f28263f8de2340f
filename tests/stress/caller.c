/* A caller of the stress test, in C:
 *   stress_caller SOCKET RECORDS SEED shm|socket LIMIT...
 * Asks until SIGTERM, then exits with 0. 3: a decision that cannot be; 4: the file is full. */
#include <rategate/rategate.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stress/load.h"
#include "tests/stress/record.h"

static volatile sig_atomic_t ended;

static void end(int signal_number) {
  (void)signal_number;
  ended = 1;
}

struct asked {
  struct stress_limit what;
  rategate_limit* limit;
};

/* One check; what the burst is to do then. */
enum next { GO_ON, END_OF_BURST, FULL };

static enum next ask(const struct stress_log* log, const struct asked* asked, uint16_t number,
                     uint32_t key, uint32_t cost) {
  char text[64];
  const size_t size = asked->what.keys > 0 ? stress_key(key, text) : 0;
  rategate_decision decision;
  const int64_t before = stress_now();
  const int rc = rategate_check(asked->limit, text, size, cost, &decision, NULL);
  const int64_t after = stress_now();
  stress_note_call(log, after - before);
  if (rc != 0) {
    stress_count(&log->header->failed);
    return END_OF_BURST;
  }
  if (!decision.allowed) {
    stress_count(&log->header->denied);
    return END_OF_BURST;
  }
  /* All of the limits deny when the store is away. */
  if (decision.reason != RATEGATE_COUNTED) exit(3);
  const struct stress_record record = {.limit = number,
                                       .key = (uint16_t)key,
                                       .cost = cost,
                                       .before_ns = before,
                                       .after_ns = after,
                                       .decided_ns = decision.decided_ns,
                                       .window_end_ms = decision.window_end_ms};
  if (!stress_write(log, &record)) return FULL;
  stress_count(&log->header->allowed);
  return GO_ON;
}

int main(int argc, char** argv) {
  if (argc < 6 || argc - 5 > STRESS_MAX_LIMITS) return 64;
  struct stress_log log;
  if (!stress_open(&log, argv[2])) {
    perror(argv[2]);
    return 1;
  }
  uint64_t random = strtoull(argv[3], NULL, 10) * 2 + 1;
  const rategate_options options = {.size = sizeof options,
                                    .socket_path = argv[1],
                                    .timeout_ms = 1000,
                                    .flags = strcmp(argv[4], "socket") == 0 ? RATEGATE_NO_SHM : 0};
  rategate_client* client = NULL;
  if (rategate_open(&client, &options) != 0) return 1;
  struct asked limits[STRESS_MAX_LIMITS];
  const int count = argc - 5;
  for (int i = 0; i < count; ++i) {
    struct asked* it = &limits[i];
    if (!stress_parse_limit(argv[5 + i], &it->what)) return 64;
    if (rategate_resolve(client, it->what.name, it->what.permits,
                         it->what.permits > 0 ? it->what.period_ms : 0, &it->limit) != 0) {
      return 64;
    }
  }
  const struct sigaction on_end = {.sa_handler = end};
  sigaction(SIGTERM, &on_end, NULL);

  while (!ended) {
    const uint32_t which = stress_below(&random, count);
    const long keys = limits[which].what.keys;
    const uint32_t key = keys > 0 ? stress_below(&random, keys) : 0;
    uint32_t burst = 1 + stress_below(&random, STRESS_MAX_BURST);
    while (burst-- > 0 && !ended) {
      const enum next next = ask(&log, &limits[which], (uint16_t)which, key, stress_cost(&random));
      if (next == FULL) return 4;
      if (next == END_OF_BURST) break;
    }
    stress_pause(&random);
  }
  rategate_close(client);
  return 0;
}
