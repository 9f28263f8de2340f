#include <rategate/rategate.h>
#include <stdio.h>

int main(void) {
  rategate_client* client = NULL;
  rategate_limit* limit = NULL;
  rategate_decision decision;
  rategate_error error;
  if (rategate_open(&client, NULL) != 0 ||
      rategate_resolve(client, "consumer", 1000, 1000, &limit) != 0) {
    return 1;
  }
  const int rc = rategate_check(limit, "c", 1, 1, &decision, &error);
  if (rc != 0) {
    fprintf(stderr, "%s\n", error.text);
  } else {
    printf("%s %s\n", rategate_version(), decision.allowed ? "allowed" : "denied");
  }
  rategate_close(client);
  return rc == 0 ? 0 : 1;
}
