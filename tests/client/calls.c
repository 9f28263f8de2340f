/* Each function of the library, and N checks: client_calls SOCKET N. For valgrind, which looks for
 * leaks and wrong reads, and counts allocations. */
#include <errno.h>
#include <rategate/rategate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int expect(const char* what, int rc, int expected) {
  if (rc == expected) return 0;
  fprintf(stderr, "%s gave %d, not %d\n", what, rc, expected);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const char* const ping[] = {"PING"};
  const char* const info[] = {"INFO"};
  const char* const wrong[] = {"NO-SUCH-VERB"};
  rategate_options options = {.size = sizeof options,
                              .socket_path = argv[1],
                              .timeout_ms = 60000,
                              .flags = RATEGATE_RECEIPTS};
  rategate_client* client = NULL;
  rategate_limit* many = NULL;
  rategate_limit* few = NULL;
  rategate_limit* unknown = NULL;
  rategate_decision decision;
  rategate_error error;
  rategate_reply* reply = NULL;

  int bad = expect("open", rategate_open(&client, &options), 0);
  if (bad != 0) return 1;
  bad += expect("resolve", rategate_resolve(client, "many", 1000000000, 3600000, &many), 0);
  bad += expect("resolve", rategate_resolve(client, "few", 1, 3600000, &few), 0);
  bad += expect("resolve", rategate_resolve(client, "unknown", 0, 0, &unknown), 0);
  bad += expect("resolve", rategate_resolve(client, "a b", 0, 0, &unknown), -EINVAL);
  int64_t back = 0;
  for (int i = 0; i < atoi(argv[2]); ++i) {
    bad += expect("check", rategate_check(many, "key", 3, 2, &decision, &error), 0);
    bad += expect("check", rategate_check(unknown, NULL, 0, 1, &decision, &error), -ENOENT);
    bad += expect("peek", rategate_peek(many, "key", 3, 2, &decision, &error), 0);
    bad += expect("peek", rategate_peek(unknown, NULL, 0, 1, &decision, &error), -ENOENT);
    bad += expect("settle", rategate_settle(many, "key", 3, 2, 3, 1, &back, &error), 0);
    bad += expect("settle", rategate_settle(unknown, NULL, 0, 2, 1, 1, &back, &error), -ENOENT);
    bad += expect("acquire", rategate_acquire(many, NULL, 0, 1, 60000, &decision, &error), 0);
  }
  bad += expect("acquire", rategate_acquire(few, NULL, 0, 1, 60000, &decision, &error), 0);
  bad += expect("acquire", rategate_acquire(few, NULL, 0, 1, 30, &decision, &error), -ETIMEDOUT);
  bad += expect("acquire", rategate_acquire(few, NULL, 0, 2, 30, &decision, &error), -ERANGE);
  /* Denied more than once, of which the last answer is kept. */
  bad += expect("acquirex", rategate_acquirex(few, NULL, 0, 1, 2500, &reply, &error), 0);
  bad += expect("allowed", reply->items[1].integer == 0, 1);
  rategate_reply_free(reply);
  bad += expect("acquirex", rategate_acquirex(unknown, NULL, 0, 1, 30, &reply, &error), -ENOENT);
  char fields[RATEGATE_MAX_HTTP_FIELDS];
  bad += expect("few", rategate_check(few, NULL, 0, 1, &decision, &error), 0);
  const int size = rategate_http_fields("few", 3600000, 0, &decision, fields, sizeof fields);
  bad += expect("fields", size > 0 && strlen(fields) == (size_t)size, 1);
  bad += expect("fields", rategate_http_fields("few", 3600000, 0, &decision, fields, 9), -ENOSPC);
  bad += expect("command", rategate_command(client, 1, ping, NULL, &reply, &error), 0);
  bad += expect("PONG", strcmp(reply->text, "PONG"), 0);
  rategate_reply_free(reply);
  bad += expect("command", rategate_command(client, 1, info, NULL, &reply, &error), 0);
  rategate_reply_free(reply);
  bad += expect("command", rategate_command(client, 1, wrong, NULL, &reply, &error), -EREMOTEIO);
  rategate_cancel(client);
  bad += expect("acquire", rategate_acquire(few, NULL, 0, 1, -1, &decision, &error), -ECANCELED);
  rategate_close(client);
  return bad == 0 ? 0 : 1;
}
