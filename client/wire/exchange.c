#include "client/wire/exchange.h"

#include <errno.h>
#include <string.h>

#include "client/api/client.h"
#include "client/wire/failure.h"
#include "client/wire/transport.h"

/* As the look of an answer: the size of an error line. One that is longer than the buffer is cut.
 */
static int64_t look_for_line(const struct rg_answer* answer) {
  const char* end = memchr(answer->data, '\n', answer->size);
  if (end != NULL) return end - answer->data + 1;
  return answer->size == answer->capacity ? (int64_t)answer->size : 0;
}

/* The answer's size, or a negative errno value. */
static int64_t ask(int fd, const struct rg_request* request, struct rg_answer* answer,
                   const struct rg_call* call) {
  answer->size = 0;
  const int sent = rg_send(fd, request->data, request->size, call);
  if (sent != 0) return sent;
  for (;;) {
    if (answer->size == answer->capacity) return -EPROTO;
    const int64_t got = rg_receive(fd, answer->data + answer->size, answer->capacity - answer->size,
                                   answer->passed, call);
    if (got < 0) return got;
    answer->size += (size_t)got;
    const int64_t whole = answer->data[0] == '-' ? look_for_line(answer) : answer->look(answer);
    if (whole != 0) return whole;
  }
}

static int fail_to_ask(const rategate_client* client, int code, bool connected,
                       rategate_error* error) {
  const char* path = client->address.sun_path;
  if (!connected) return rg_fail_system(error, code, "cannot connect to", path);
  switch (code) {
    case -ETIMEDOUT:
      return rg_fail(error, code, "no answer in time from the daemon at %s", path);
    case -ECONNRESET:
      return rg_fail(error, code, "the daemon at %s hung up", path);
    case -EPROTO:
      return rg_fail(error, code, "what answers at %s is not a rategate daemon of a known kind",
                     path);
    default:
      return rg_fail_system(error, code, "cannot ask the daemon at", path);
  }
}

static int fail_as_answered(const char* line, size_t size, rategate_error* error) {
  while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r')) --size;
  return rg_fail(error, rg_code_of_error_line(line, size), "%.*s", (int)size, line);
}

int rg_exchange(rategate_client* client, const struct rg_request* request, struct rg_answer* answer,
                const struct rg_call* call, struct rg_connection** kept) {
  rg_after_fork(client);
  struct rg_connection* connection;
  int64_t rc = rg_connections_take(&client->connections, &connection);
  if (rc != 0) return rg_fail_system(call->error, (int)rc, "cannot ask", "");
  bool connected = false;
  for (int attempt = 1; attempt <= 2; ++attempt) {
    if (connection->fd < 0) connection->fd = rg_connect(&client->address, call);
    connected = connection->fd >= 0;
    rc = connected ? ask(connection->fd, request, answer, call) : connection->fd;
    if (rc == (int64_t)answer->size) break;
    /* Bytes after the answer, a late answer, half an answer: it must not be read as another's. */
    rg_connection_close(connection);
    if (rc >= 0 && answer->data[0] != '-') rc = -EPROTO;
    /* The daemon may have been restarted since the connection was used last. */
    if (rc != -ECONNRESET || answer->size > 0) break;
  }
  /* A cut error line leaves the rest of it on the way. */
  if (rc > 0 && answer->data[rc - 1] != '\n') rg_connection_close(connection);
  if (kept != NULL && rc > 0 && answer->data[0] != '-') {
    *kept = connection;
    return 0;
  }
  rg_connections_give(&client->connections, connection);
  if (rc < 0) return fail_to_ask(client, (int)rc, connected, call->error);
  if (answer->data[0] == '-')
    return fail_as_answered(answer->data + 1, (size_t)rc - 1, call->error);
  return 0;
}

static int64_t scan(struct rg_answer* answer) {
  struct rg_scanned_answer* scanned = (struct rg_scanned_answer*)answer;
  const int whole = rg_scan_on(&scanned->scan, answer->data, answer->size);
  return whole > 0 ? (int64_t)scanned->scan.at : whole;
}

struct rg_scanned_answer rg_scanned_answer(char* data, size_t capacity) {
  const struct rg_scanned_answer scanned = {
      .answer = {.data = data, .capacity = capacity, .look = scan}, .scan = {.missing = 1}};
  return scanned;
}

bool rg_ask_on(struct rg_connection* connection, const struct rg_request* request,
               struct rg_answer* answer, const struct rg_call* call) {
  if (connection->fd < 0) return false;
  const int64_t rc = ask(connection->fd, request, answer, call);
  if (rc > 0 && rc == (int64_t)answer->size && answer->data[rc - 1] == '\n') return true;
  rg_connection_close(connection);
  return false;
}
