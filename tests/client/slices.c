/* Asks for all that a limit has, which is leased in slices: client_slices SOCKET LIMIT MS. Goes on
 * for so many ms, and prints how many checks were allowed, how many of them in shared memory, how
 * many were denied, how many of those in shared memory, how long it took in microseconds, and the
 * shortest time in ms after which one that was denied in shared memory was to ask again. */
#include <inttypes.h>
#include <rategate/rategate.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  rategate_options options = {.size = sizeof options, .socket_path = argv[1], .timeout_ms = 60000};
  rategate_client* client = NULL;
  rategate_limit* limit = NULL;
  if (rategate_open(&client, &options) != 0 ||
      rategate_resolve(client, argv[2], 0, 0, &limit) != 0) {
    return 1;
  }
  int64_t of[2] = {0, 0};
  int64_t in_place[2] = {0, 0};
  int64_t shortest_ms = 0;
  const int64_t began_us = now_us();
  const int64_t until_us = began_us + 1000 * strtoll(argv[3], NULL, 10);
  while (now_us() < until_us) {
    rategate_decision decision;
    rategate_error error = {.text = "-"};
    if (rategate_check(limit, "k", 1, 1, &decision, &error) != 0) {
      fprintf(stderr, "%s\n", error.text);
      return 1;
    }
    const int allowed = decision.allowed != 0;
    ++of[allowed];
    if (decision.decided_ns != 0) {
      ++in_place[allowed];
      const int64_t ms = decision.retry_after_ms;
      if (!allowed && (shortest_ms == 0 || ms < shortest_ms)) shortest_ms = ms;
    }
    if (!allowed && decision.retry_after_ms < 1) {
      fprintf(stderr, "denied for %" PRId64 " ms\n", (int64_t)decision.retry_after_ms);
      return 1;
    }
  }
  printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", of[1],
         in_place[1], of[0], in_place[0], now_us() - began_us, shortest_ms);
  rategate_close(client);
  return 0;
}
