/* A declared limit makes room for another and is declared again: client_evicted_limit SOCKET, of a
 * daemon that keeps one declared limit at a time. Ends with 0 when checks of the handle from before
 * are decided in shared memory again. */
#include <rategate/rategate.h>
#include <stdbool.h>
#include <stdio.h>

#define MOST_CHECKS 1000

static int failed(const char* what, const rategate_error* error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  return 1;
}

/* How many checks the daemon was asked for until one was decided in place; -1: none was. */
static int checks_until_in_place(rategate_limit* limit, rategate_error* error) {
  for (int asked = 0; asked < MOST_CHECKS; ++asked) {
    rategate_decision decision;
    if (rategate_check(limit, NULL, 0, 1, &decision, error) != 0) return -1;
    if (decision.decided_ns != 0) return asked;
  }
  snprintf(error->text, sizeof error->text, "%d checks, and none in place", MOST_CHECKS);
  return -1;
}

/* The daemon keeps one declared limit: the other one gives way. */
static bool takes_the_place(rategate_limit* limit, rategate_error* error) {
  rategate_decision decision;
  return rategate_check(limit, NULL, 0, 1, &decision, error) == 0;
}

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  rategate_options options = {.size = sizeof options, .socket_path = argv[1], .timeout_ms = 60000};
  rategate_client* client = NULL;
  rategate_limit* mine = NULL;
  rategate_limit* other = NULL;
  rategate_error error = {.text = ""};
  if (rategate_open(&client, &options) != 0 ||
      rategate_resolve(client, "mine", 100000, 1000, &mine) != 0 ||
      rategate_resolve(client, "other", 1, 10, &other) != 0) {
    return 1;
  }
  if (checks_until_in_place(mine, &error) < 0) return failed("at first", &error);
  if (!takes_the_place(other, &error)) return failed("other", &error);
  if (!takes_the_place(mine, &error)) return failed("mine", &error);
  const int asked = checks_until_in_place(mine, &error);
  if (asked < 0) return failed("declared again", &error);
  printf("%d\n", asked);
  rategate_close(client);
  return 0;
}
