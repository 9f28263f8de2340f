/* rategate_enter, rategate_stay, rategate_leave and rategate_detach: work under a limit of
 * concurrency.
 *
 * The daemon takes a slot back when the connection closes that has entered, which the library does
 * to any connection of a call that fails. So an entry has one for itself: no other call is made on
 * it, and none can end it by its failure, or be given it by the time it is left. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "client/api/client.h"
#include "client/api/count.h"
#include "client/api/waiting.h"
#include "client/wire/failure.h"
#include "client/wire/integers.h"

enum { ENTERED, LIMIT, REMAINING, RETRY_AFTER_MS, TICKET, FIELDS };

#define MIN_FOR_MS INT64_C(100)
#define MAX_FOR_MS (24 * 3600 * INT64_C(1000))
#define MAX_TICKET_REQUEST (RG_MAX_HEADER + RG_MAX_WORD(5) + RG_MAX_WORD(RG_MAX_NUMBER))

struct rategate_entry {
  rategate_client* client;
  unsigned life; /* of the client, in which it entered */
  /* The entry's own, and by no one else used. NULL: the entry lives by time. */
  struct rg_connection* connection;
  int64_t ticket;
};

struct entering {
  rategate_limit* limit;
  const void* key;
  size_t key_size;
  int64_t cost;
  int64_t for_ms;
  rategate_entry* entry;
  int failed; /* what it was answered last, where that was no decision; else 0 */
  rategate_error told;
};

static int64_t read_answer(const struct rg_answer* answer, int64_t field[FIELDS]) {
  const int64_t whole = rg_read_integers(answer->data, answer->size, FIELDS, field);
  if (whole <= 0) return whole;
  const bool entered = field[ENTERED] == 1 && field[TICKET] > 0;
  return entered || (field[ENTERED] == 0 && field[TICKET] == 0) ? whole : -EPROTO;
}

static int64_t look(const struct rg_answer* answer) {
  int64_t field[FIELDS];
  return read_answer(answer, field);
}

/* The daemon does not tell why; of an entry there are no more reasons than these. */
static rategate_reason reason_of(const int64_t field[FIELDS]) {
  if (field[ENTERED] == 1) return RATEGATE_COUNTED;
  return field[RETRY_AFTER_MS] < 0 ? RATEGATE_NEVER_FITS : RATEGATE_OVER_LIMIT;
}

static int fail_as_over(rategate_error* error) {
  return rg_fail(error, -ESTALE, "the entry is over: its slot was given back");
}

static void put_ticket(struct rg_request* request, const char* verb, const rategate_entry* entry) {
  rg_put_count(request, 2);
  rg_put_text(request, verb);
  rg_put_number(request, entry->ticket, "");
}

/* Of an entry by time, over any connection. 0, -ESTALE, or as a question that failed. */
static int tell_of_ticket(const rategate_entry* entry, const char* verb, rategate_error* error) {
  char told[MAX_TICKET_REQUEST];
  struct rg_request request = {.data = told};
  put_ticket(&request, verb, entry);
  int64_t known;
  const int rc = rg_ask_count(entry->client, &request, false, &known, error);
  if (rc != 0) return rc;
  return known == 1 ? 0 : fail_as_over(error);
}

/* The call has failed, but the daemon may have answered by a ticket meanwhile. What it could not
 * answer any more it takes back itself. */
static void leave_late(const struct entering* entering, const struct rg_answer* answer) {
  int64_t field[FIELDS];
  if (entering->for_ms == 0 || answer->size == 0 || read_answer(answer, field) <= 0) return;
  if (field[ENTERED] != 1) return;
  entering->entry->ticket = field[TICKET];
  tell_of_ticket(entering->entry, "LEAVE", NULL);
}

static int ask_to_enter(const struct entering* entering, int64_t wait_ms,
                        const struct rg_call* call, rategate_decision* decision) {
  struct rg_connections* connections = &entering->limit->client->connections;
  char asked[RG_MAX_QUESTION];
  char answered[RG_MAX_INTEGERS];
  struct rg_request request = {.data = asked};
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .look = look};
  rg_put_entry(&request, &entering->limit->name, entering->key, entering->key_size, entering->cost,
               wait_ms, entering->for_ms);
  struct rg_connection* connection;
  const int rc = rg_exchange(connections, &request, &answer, call, &connection);
  if (rc != 0) {
    leave_late(entering, &answer);
    return rc;
  }
  int64_t field[FIELDS];
  read_answer(&answer, field);
  *decision = (rategate_decision){.allowed = (int32_t)field[ENTERED],
                                  .reason = (int32_t)reason_of(field),
                                  .limit = field[LIMIT],
                                  .remaining = field[REMAINING],
                                  .retry_after_ms = field[RETRY_AFTER_MS]};
  entering->entry->ticket = field[TICKET];
  if (decision->allowed && entering->for_ms == 0) {
    entering->entry->connection = connection;
  } else {
    rg_connections_give(connections, connection);
  }
  return 0;
}

static int ask(void* context, struct rg_waiting* waiting, struct rg_call* call,
               rategate_decision* decision) {
  struct entering* entering = context;
  const int64_t wait_ms = rg_begin_asking(waiting, entering->limit->client, call);
  if (wait_ms > 0) rg_be_patient(call, wait_ms);
  entering->failed = ask_to_enter(entering, wait_ms, call, decision);
  if (entering->failed != 0) entering->told = *call->error;
  return entering->failed;
}

static int look_at_arguments(const rategate_limit* limit, const void* key, size_t key_size,
                             int64_t cost, int64_t timeout_ms, int64_t for_ms,
                             rategate_entry* const* entry, const rategate_decision* decision,
                             rategate_error* error) {
  const int rc = rg_look_at_arguments(limit, key, key_size, cost, decision, error);
  if (rc != 0) return rc;
  if (entry == NULL) return rg_fail(error, -EINVAL, "no place for the entry");
  if (timeout_ms < -1) return rg_fail(error, -EINVAL, "a time-out below -1");
  if (for_ms != 0 && (for_ms < MIN_FOR_MS || for_ms > MAX_FOR_MS)) {
    return rg_fail(error, -EINVAL, "an entry for %lld ms; it is 0, or 100 to 86400000",
                   (long long)for_ms);
  }
  if (limit->permits != 0) {
    return rg_fail(error, -EINVAL, "limits of concurrency are configured, and not declared");
  }
  return 0;
}

/* Makes an entry that is not entered yet. NULL: *rc is -ENOMEM, or -EBUSY where the client has
 * enough. */
static rategate_entry* make(rategate_client* client, int* rc, rategate_error* error) {
  rg_after_fork(client);
  if (atomic_fetch_add(&client->entries, 1) >= RATEGATE_MAX_ENTRIES) {
    atomic_fetch_sub(&client->entries, 1);
    *rc = rg_fail(error, -EBUSY, "this client has %d entries", RATEGATE_MAX_ENTRIES);
    return NULL;
  }
  rategate_entry* fresh = calloc(1, sizeof *fresh);
  if (fresh == NULL) {
    atomic_fetch_sub(&client->entries, 1);
    *rc = rg_fail_system(error, -ENOMEM, "cannot enter", "");
    return NULL;
  }
  fresh->client = client;
  fresh->life = atomic_load(&client->life);
  return fresh;
}

static bool is_of_this_process(const rategate_entry* entry) {
  return entry->life == atomic_load(&entry->client->life);
}

static void forget(rategate_entry* entry) {
  if (is_of_this_process(entry)) atomic_fetch_sub(&entry->client->entries, 1);
  free(entry);
}

int rategate_enter(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                   int64_t timeout_ms, int64_t for_ms, rategate_entry** entry,
                   rategate_decision* decision, rategate_error* error) {
  int rc =
      look_at_arguments(limit, key, key_size, cost, timeout_ms, for_ms, entry, decision, error);
  if (rc != 0) return rc;
  rategate_entry* fresh = make(limit->client, &rc, error);
  if (fresh == NULL) return rc;
  struct entering entering = {.limit = limit,
                              .key = key,
                              .key_size = key_size,
                              .cost = cost,
                              .for_ms = for_ms,
                              .entry = fresh};
  rategate_decision answer;
  rc = rg_wait_until_allowed(limit, timeout_ms, ask, &entering, &answer, error);
  /* What kept it waiting says more than that its time was over. */
  if (rc == -ETIMEDOUT && entering.failed != 0) {
    rc = rg_fail(error, entering.failed, "%s", entering.told.text);
  }
  if (rc != 0 || !answer.allowed) forget(fresh);
  if (rc != 0) return rc;
  *decision = answer;
  *entry = answer.allowed ? fresh : NULL;
  return 0;
}

/* Whether the entry's connection stands. The daemon says nothing on it by itself, so that whatever
 * can be read is its end. */
static bool is_connected(const rategate_entry* entry) {
  const int fd = rg_descriptor_get(&entry->connection->socket);
  char byte;
  return fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EINTR);
}

int rategate_stay(rategate_entry* entry, rategate_error* error) {
  if (entry == NULL) return rg_fail(error, -EINVAL, "no entry");
  rg_after_fork(entry->client);
  if (entry->connection == NULL) return tell_of_ticket(entry, "STAY", error);
  return is_of_this_process(entry) && is_connected(entry) ? 0 : fail_as_over(error);
}

/* The daemon is told, and not only shown by the connection's end, because a child made by fork()
 * may have a copy of that; and so that the slot is free when this returns. */
static int leave_by_connection(rategate_entry* entry, rategate_error* error) {
  if (!is_of_this_process(entry)) return 0; /* it is the parent's, and goes on */
  struct rg_connection* connection = entry->connection;
  char told[MAX_TICKET_REQUEST];
  struct rg_request request = {.data = told};
  put_ticket(&request, "LEAVE", entry);
  int64_t known = 0;
  bool stood = is_connected(entry);
  /* Where there is no answer the connection is closed, by which the slot is given back as well. */
  if (!stood) {
    rg_connection_close(connection);
  } else if (rg_ask_count_on(entry->client, connection, &request, &known)) {
    stood = known == 1;
  }
  rg_connections_give(&entry->client->connections, connection);
  return stood ? 0 : fail_as_over(error);
}

int rategate_leave(rategate_entry* entry, rategate_error* error) {
  if (entry == NULL) return 0;
  rg_after_fork(entry->client);
  const int rc = entry->connection != NULL ? leave_by_connection(entry, error)
                                           : tell_of_ticket(entry, "LEAVE", error);
  forget(entry);
  return rc;
}

int rategate_detach(rategate_entry* entry, int64_t* ticket, rategate_error* error) {
  if (entry == NULL) return rg_fail(error, -EINVAL, "no entry");
  if (ticket == NULL) return rg_fail(error, -EINVAL, "no place for the ticket");
  if (entry->connection != NULL) {
    return rg_fail(error, -EINVAL, "the entry belongs to a connection, and has no ticket");
  }
  rg_after_fork(entry->client);
  *ticket = entry->ticket;
  forget(entry);
  return 0;
}
