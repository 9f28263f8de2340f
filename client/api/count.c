#include "client/api/count.h"

#include <errno.h>

#include "client/wire/deadline.h"
#include "client/wire/element.h"

/* Bytes of a buffer for the answer: an integer takes 23 at most, and an error line that comes in
 * its place may be longer. */
#define MAX_ANSWER 512

static int64_t read_integer(const struct rg_answer* answer, struct rg_element* element) {
  const int rc = rg_read_element(answer->data, answer->size, element);
  if (rc != 1) return rc;
  return element->kind == ':' ? (int64_t)element->whole : -EPROTO;
}

static int64_t look(const struct rg_answer* answer) {
  struct rg_element element;
  return read_integer(answer, &element);
}

int rg_ask_count(rategate_client* client, struct rg_request* request, bool once, int64_t* count,
                 rategate_error* error) {
  rg_after_fork(client);
  const struct rg_call call = {.deadline = rg_after_ms(rg_now(), (int64_t)client->timeout_ms),
                               .cancel_fd = -1,
                               .error = error,
                               .once = once};
  char answered[MAX_ANSWER];
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .look = look};
  const int rc = rg_exchange(&client->connections, request, &answer, &call, NULL);
  if (rc != 0) return rc;
  struct rg_element element;
  read_integer(&answer, &element);
  *count = element.number;
  return 0;
}

bool rg_ask_count_on(rategate_client* client, struct rg_connection* connection,
                     const struct rg_request* request, int64_t* count) {
  const struct rg_call call = {.deadline = rg_after_ms(rg_now(), (int64_t)client->timeout_ms),
                               .cancel_fd = -1};
  char answered[MAX_ANSWER];
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .look = look};
  struct rg_element element;
  if (!rg_ask_on(connection, request, &answer, &call)) return false;
  if (read_integer(&answer, &element) <= 0) {
    rg_connection_close(connection); /* it answers by an error: what it holds is not known */
    return false;
  }
  *count = element.number;
  return true;
}
