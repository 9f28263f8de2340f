/* Peeks beside checks that are decided in shared memory: client_peeks SOCKET. Ends with 0 when each
 * peek tells what is left of its limit, whoever decided the checks, and takes nothing. */
#include <rategate/rategate.h>
#include <stdbool.h>
#include <stdio.h>

#define PERMITS 2000
#define MONTH_MS INT64_C(2678400000) /* so that no window ends meanwhile */
#define PEEKS 20 /* at each look, so that one that took something would be seen by the next */

/* Whether all peeks say that so many permits are left. */
static bool left_is(rategate_limit* limit, int64_t left) {
  for (int i = 0; i < PEEKS; ++i) {
    rategate_decision decision;
    rategate_error error = {.text = "-"};
    const int rc = rategate_peek(limit, NULL, 0, 1, &decision, &error);
    if (rc == 0 && decision.allowed == (left > 0) && decision.remaining == left &&
        decision.decided_ns == 0) {
      continue;
    }
    fprintf(stderr, "peek gave %d (%s), remaining %lld of %lld\n", rc, error.text,
            rc == 0 ? (long long)decision.remaining : -1, (long long)left);
    return false;
  }
  return true;
}

/* Takes all permits one by one, and looks now and then. Returns how many of them were taken in
 * shared memory; -1: something was wrong. */
static int take_all(rategate_limit* limit) {
  int in_place = 0;
  for (int taken = 0; taken < PERMITS; ++taken) {
    rategate_decision decision;
    rategate_error error;
    if (taken % 100 == 0 && !left_is(limit, PERMITS - taken)) return -1;
    if (rategate_check(limit, NULL, 0, 1, &decision, &error) != 0 || decision.allowed == 0) {
      fprintf(stderr, "check %d was not allowed\n", taken);
      return -1;
    }
    if (decision.decided_ns != 0) ++in_place;
  }
  return in_place;
}

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  rategate_options options = {.size = sizeof options, .socket_path = argv[1], .timeout_ms = 60000};
  rategate_client* client = NULL;
  rategate_limit* limit = NULL;
  if (rategate_open(&client, &options) != 0 ||
      rategate_resolve(client, "peeked", PERMITS, MONTH_MS, &limit) != 0) {
    return 1;
  }
  const int in_place = take_all(limit);
  if (in_place < 0 || !left_is(limit, 0)) return 1;
  printf("%d\n", in_place);
  rategate_close(client);
  return 0;
}
