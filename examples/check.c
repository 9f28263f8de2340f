/* Asks for permission in C: at once, and by waiting for it.
 *
 *   cc check.c $(pkg-config --cflags --libs rategate) && ./a.out
 */
#include <rategate/rategate.h>
#include <stdio.h>
#include <string.h>

static int failed(const char* what, int rc) {
  fprintf(stderr, "%s: %s\n", what, strerror(-rc));
  return 1;
}

int main(void) {
  rategate_client* client;
  rategate_limit* limit;
  rategate_decision decision;
  rategate_error error;

  int rc = rategate_open(&client, NULL); /* at $RATEGATE_SOCKET, or the default path */
  if (rc != 0) return failed("rategate_open", rc);
  /* 5 per second, counted for each key. With 0, 0 instead: as the daemon is configured. */
  rc = rategate_resolve(client, "example-c", 5, 1000, &limit);
  if (rc != 0) return failed("rategate_resolve", rc);

  for (int i = 1; i <= 7; ++i) {
    rc = rategate_check(limit, "alice", strlen("alice"), 1, &decision, &error);
    if (rc != 0) break;
    if (decision.allowed) {
      printf("call %d: allowed\n", i);
    } else {
      printf("call %d: denied, try again in %lld ms\n", i, (long long)decision.retry_after_ms);
    }
  }
  if (rc == 0) {
    rc = rategate_acquire(limit, "alice", strlen("alice"), 1, 5000, &decision, &error);
    if (rc == 0) printf("the last one waited for its turn\n");
  }
  if (rc != 0) fprintf(stderr, "%s\n", error.text);
  rategate_close(client);
  return rc == 0 ? 0 : 1;
}
