/* Settlements beside checks that are decided in shared memory: client_settles SOCKET. Ends with 0
 * when what was taken and not used can be taken again, whoever decided. Prints how many checks were
 * decided in shared memory. */
#include <rategate/rategate.h>
#include <stdbool.h>
#include <stdio.h>

#define PERMITS 2000
#define MONTH_MS INT64_C(2678400000) /* so that no window ends meanwhile */

static bool take(rategate_limit* limit, int64_t cost, rategate_decision* decision) {
  rategate_error error = {.text = "-"};
  const int rc = rategate_check(limit, NULL, 0, cost, decision, &error);
  if (rc != 0) fprintf(stderr, "check gave %d (%s)\n", rc, error.text);
  return rc == 0 && decision->allowed == 1;
}

static bool denied(rategate_limit* limit) {
  rategate_decision decision = {.allowed = 1};
  return !take(limit, 1, &decision) && decision.allowed == 0;
}

static bool settles(rategate_limit* limit, int64_t took, int64_t used, int64_t receipt,
                    int64_t expected) {
  rategate_error error = {.text = "-"};
  int64_t back = 0;
  const int rc = rategate_settle(limit, NULL, 0, took, used, receipt, &back, &error);
  if (rc == 0 && back == expected) return true;
  fprintf(stderr, "settling %lld of %lld at %lld gave %d (%s), %lld\n", (long long)used,
          (long long)took, (long long)receipt, rc, error.text, (long long)back);
  return false;
}

/* Takes all permits one by one. Returns how many were taken in shared memory; -1: something was
 * wrong. `in_place` and `by_daemon` become receipts of both kinds, 0 where there is none. */
static int take_all(rategate_limit* limit, int64_t* in_place, int64_t* by_daemon) {
  int count = 0;
  for (int taken = 0; taken < PERMITS; ++taken) {
    rategate_decision decision;
    if (!take(limit, 1, &decision) || decision.window_end_ms == 0) {
      fprintf(stderr, "check %d was not allowed, or without a receipt\n", taken);
      return -1;
    }
    *(decision.decided_ns != 0 ? in_place : by_daemon) = decision.window_end_ms;
    if (decision.decided_ns != 0) ++count;
  }
  return denied(limit) ? count : -1;
}

/* Gives 5 of 7 back, and takes those 5. */
static bool comes_back(rategate_limit* limit, int64_t receipt) {
  rategate_decision decision;
  if (!settles(limit, 7, 2, receipt, 5)) return false;
  for (int i = 0; i < 5; ++i) {
    if (!take(limit, 1, &decision)) return false;
  }
  return denied(limit);
}

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  rategate_options options = {.size = sizeof options,
                              .socket_path = argv[1],
                              .timeout_ms = 60000,
                              .flags = RATEGATE_RECEIPTS};
  rategate_client* client = NULL;
  rategate_limit* limit = NULL;
  if (rategate_open(&client, &options) != 0 ||
      rategate_resolve(client, "settled", PERMITS, MONTH_MS, &limit) != 0) {
    return 1;
  }
  int64_t in_place = 0;
  int64_t by_daemon = 0;
  const int count = take_all(limit, &in_place, &by_daemon);
  if (count < 0) return 1;
  /* The first check has to be the daemon's, which tells of its memory then. */
  if (by_daemon == 0 || !comes_back(limit, by_daemon)) return 1;
  if (count > 0 && (in_place != by_daemon || !comes_back(limit, in_place))) return 1;
  /* A window that is over, or was never there, takes nothing back. */
  if (!settles(limit, 7, 2, in_place - MONTH_MS, 0) || !settles(limit, 2, 2, by_daemon, 0))
    return 1;
  printf("%d\n", count);
  rategate_close(client);
  return 0;
}
