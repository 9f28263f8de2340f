/* A shadow limit beside checks that are decided in shared memory: client_shadow SOCKET. Ends with 0
 * when each check of the limit `shadow`, of 1000 permits an hour, is allowed, and all but so many
 * have the reason for which they would be denied. Prints how many were decided in place. */
#include <rategate/rategate.h>
#include <stdio.h>

#define PERMITS 1000
#define CHECKS 3000

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  rategate_options options = {.size = sizeof options, .socket_path = argv[1], .timeout_ms = 60000};
  rategate_client* client = NULL;
  rategate_limit* limit = NULL;
  if (rategate_open(&client, &options) != 0 ||
      rategate_resolve(client, "shadow", 0, 0, &limit) != 0) {
    return 1;
  }
  int in_place = 0;
  int over = 0;
  for (int asked = 0; asked < CHECKS; ++asked) {
    rategate_decision decision;
    rategate_error error = {.text = "-"};
    if (rategate_check(limit, "k", 1, 1, &decision, &error) != 0 || decision.allowed == 0) {
      fprintf(stderr, "check %d was not allowed (%s)\n", asked, error.text);
      return 1;
    }
    if (decision.decided_ns != 0) ++in_place;
    if (decision.reason == RATEGATE_OVER_LIMIT) ++over;
  }
  rategate_close(client);
  printf("%d\n", in_place);
  if (over == CHECKS - PERMITS) return 0;
  fprintf(stderr, "%d were over the limit\n", over);
  return 1;
}
