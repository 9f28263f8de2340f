#include "client/wire/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/wire/deadline.h"
#include "client/wire/failure.h"

/* Makes room for more of the answer. 0, or a negative errno value. */
static int widen(struct rg_answer* answer) {
  if (answer->may_grow_to == 0 || answer->capacity == 0) return -EPROTO;
  if (answer->capacity >= answer->may_grow_to) return -EMSGSIZE;
  char* wider = realloc(answer->data, answer->capacity * 2);
  if (wider == NULL) return -ENOMEM;
  answer->data = wider;
  answer->capacity *= 2;
  return 0;
}

/* The size of an error line once it is whole, else 0. One that is longer than the buffer is cut. */
static int64_t end_of_line(const struct rg_answer* answer) {
  const char* end = memchr(answer->data, '\n', answer->size);
  if (end != NULL) return end - answer->data + 1;
  return answer->size == answer->capacity ? (int64_t)answer->size : 0;
}

static int64_t end_of_answer(struct rg_answer* answer) {
  if (answer->data[0] == '-') return end_of_line(answer);
  if (answer->look != NULL) return answer->look(answer);
  const int whole = rg_scan_on(&answer->scan, answer->data, answer->size);
  return whole > 0 ? (int64_t)answer->scan.at : whole;
}

/* The answer's size, or a negative errno value. */
static int64_t send_and_receive(int fd, const struct rg_request* request, struct rg_answer* answer,
                                const struct rg_call* call) {
  answer->size = 0;
  answer->scan = (struct rg_scan){.missing = 1};
  const int sent = rg_send(fd, request->data, request->size, call);
  if (sent != 0) return sent;
  struct rg_call waiting = *call;
  const bool has_end = call->deadline < RG_NEVER - call->patience_ns;
  waiting.deadline = has_end ? call->deadline + call->patience_ns : RG_NEVER;
  for (;;) {
    if (answer->size == answer->capacity) {
      const int rc = widen(answer);
      if (rc != 0) return rc;
    }
    const int64_t got = rg_receive(fd, answer->data + answer->size, answer->capacity - answer->size,
                                   answer->passed, &waiting);
    if (got < 0) return got;
    answer->size += (size_t)got;
    const int64_t whole = end_of_answer(answer);
    if (whole != 0) return whole;
  }
}

/* What the daemon had answered before the connection was shut down. */
static void read_rest(int fd, struct rg_answer* answer) {
  while (answer->size < answer->capacity) {
    const ssize_t got =
        recv(fd, answer->data + answer->size, answer->capacity - answer->size, MSG_DONTWAIT);
    if (got <= 0) return;
    answer->size += (size_t)got;
  }
}

/* The same, and closes the connection unless the answer, and nothing else, was read from it:
 * bytes after the answer, a late answer, or the rest of one that was cut must not be taken for the
 * next one. */
static int64_t ask(struct rg_connection* connection, const struct rg_request* request,
                   struct rg_answer* answer, const struct rg_call* call) {
  const int64_t rc = send_and_receive(rg_connection_fd(connection), request, answer, call);
  if (rc > 0 && rc == (int64_t)answer->size && answer->data[rc - 1] == '\n') return rc;
  /* The daemon is to learn of it also where a child made by fork() has a copy: it may keep a place
   * in a line for who waits here. */
  shutdown(rg_connection_fd(connection), SHUT_RDWR);
  if (rc < 0) read_rest(rg_connection_fd(connection), answer);
  rg_connection_close(connection);
  return rc > 0 && answer->data[0] != '-' ? -EPROTO : rc;
}

static int fail_to_ask(const char* path, int code, bool connected, rategate_error* error) {
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

int rg_exchange(struct rg_connections* connections, const struct rg_request* request,
                struct rg_answer* answer, const struct rg_call* call, struct rg_connection** kept) {
  struct rg_connection* connection;
  int64_t rc = rg_connections_take(connections, &connection);
  if (rc != 0) return rg_fail_system(call->error, (int)rc, "cannot ask", "");
  bool connected = false;
  for (int attempt = 1; attempt <= 2; ++attempt) {
    rc = rg_connection_open(connection, &connections->address, call);
    connected = rc == 0;
    if (connected) rc = ask(connection, request, answer, call);
    /* The daemon may have been restarted since the connection was used last: once more, then. What
     * was sent may have been done all the same, which is for the call to say. */
    if (rc != -ECONNRESET || answer->size > 0 || call->once) break;
  }
  const bool refused = rc > 0 && answer->data[0] == '-';
  if (kept != NULL && rc > 0 && !refused) {
    *kept = connection;
    return 0;
  }
  rg_connections_give(connections, connection);
  if (rc < 0) return fail_to_ask(connections->address.sun_path, (int)rc, connected, call->error);
  return refused ? fail_as_answered(answer->data + 1, (size_t)rc - 1, call->error) : 0;
}

bool rg_ask_on(struct rg_connection* connection, const struct rg_request* request,
               struct rg_answer* answer, const struct rg_call* call) {
  return rg_connection_fd(connection) >= 0 && ask(connection, request, answer, call) > 0 &&
         rg_connection_fd(connection) >= 0;
}
