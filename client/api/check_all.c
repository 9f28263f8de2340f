/* rategate_check_all: several limits in one decision, in place or by the daemon's CHECKALL. */
#include <errno.h>
#include <stdbool.h>

#include "client/api/client.h"
#include "client/shared/members_in_place.h"
#include "client/wire/deadline.h"
#include "client/wire/exchange.h"
#include "client/wire/failure.h"
#include "client/wire/integers.h"

enum { ALLOWED, NAMED, LIMIT, REMAINING, RETRY_AFTER_MS, RESET_AFTER_MS, REASON, FIELDS };

#define MAX_MEMBER \
  (RG_MAX_WORD(RG_MAX_NAME_BYTES) + RG_MAX_WORD(RG_MAX_KEY_BYTES) + RG_MAX_WORD(RG_MAX_NUMBER))
#define MAX_ASKED (RG_MAX_HEADER + RG_MAX_WORD(8) + RATEGATE_MAX_MEMBERS * MAX_MEMBER)

static int64_t read_answer(const struct rg_answer* answer, int64_t field[FIELDS]) {
  const int64_t whole = rg_read_integers(answer->data, answer->size, FIELDS, field);
  if (whole <= 0) return whole;
  const bool in_range = field[ALLOWED] >= 0 && field[ALLOWED] <= 1 && field[NAMED] >= 0 &&
                        field[NAMED] < RATEGATE_MAX_MEMBERS && field[REASON] >= 0 &&
                        field[REASON] <= INT32_MAX;
  return in_range ? whole : -EPROTO;
}

static int64_t look(const struct rg_answer* answer) {
  int64_t field[FIELDS];
  return read_answer(answer, field);
}

static int look_at_members(const rategate_member* members, size_t count,
                           const rategate_decision* decision, rategate_error* error) {
  if (members == NULL || count < 1 || count > RATEGATE_MAX_MEMBERS) {
    return rg_fail(error, -EINVAL, "%zu members; there are 1 to %d", count, RATEGATE_MAX_MEMBERS);
  }
  for (size_t i = 0; i < count; ++i) {
    const rategate_member* member = &members[i];
    const int rc = rg_look_at_arguments(member->limit, member->key, member->key_size, member->cost,
                                        decision, error);
    if (rc != 0) return rc;
    if (member->limit->client != members[0].limit->client) {
      return rg_fail(error, -EINVAL, "the members are of different clients");
    }
    if (member->limit->permits != 0) {
      return rg_fail(error, -EINVAL, "limit '%s' is declared; members are configured ones",
                     member->limit->name.text);
    }
  }
  return 0;
}

static bool decide_in_place(const rategate_member* members, size_t count,
                            rategate_decision* decision, size_t* named, int64_t* started_ns) {
  struct rg_members known = {.count = 0};
  *started_ns = 0;
  for (size_t i = 0; i < count; ++i) {
    const rategate_member* member = &members[i];
    if (!rg_add_members(&known, &member->limit->in_place, member->key, member->key_size,
                        member->cost, (uint32_t)i)) {
      return false;
    }
  }
  uint32_t at;
  const struct rg_shared* shared = &members[0].limit->client->shared;
  if (!rg_decide_members(&known, shared, decision, &at, started_ns)) return false;
  decision->window_end_ms = 0; /* a receipt is of one limit */
  if (named != NULL) *named = at;
  return true;
}

/* Asks for what the next check needs to be decided in place. */
static void learn(const rategate_member* members, size_t count, struct rg_connection* connection,
                  const struct rg_call* call) {
  rg_attach(&members[0].limit->client->shared, connection, call);
  for (size_t i = 0; i < count; ++i) {
    const rategate_member* member = &members[i];
    rg_resolve_rule(&member->limit->in_place, &member->limit->name, member->key, member->key_size,
                    connection, call);
  }
}

static int ask_daemon(const rategate_member* members, size_t count, const struct rg_call* call,
                      int64_t field[FIELDS]) {
  rategate_client* const client = members[0].limit->client;
  rg_after_fork(client);
  char asked[MAX_ASKED];
  struct rg_request request = {.data = asked};
  rg_put_count(&request, 1 + 3 * count);
  rg_put_text(&request, "CHECKALL");
  for (size_t i = 0; i < count; ++i) {
    rg_put_text(&request, members[i].limit->name.text);
    rg_put_word(&request, members[i].key, members[i].key_size);
    rg_put_number(&request, members[i].cost, "");
  }
  char answered[RG_MAX_INTEGERS];
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered, .look = look};
  struct rg_connection* connection;
  const int rc = rg_exchange(&client->connections, &request, &answer, call, &connection);
  if (rc != 0) return rc;
  read_answer(&answer, field);
  learn(members, count, connection, call);
  rg_connections_give(&client->connections, connection);
  return 0;
}

int rategate_check_all(const rategate_member* members, size_t count, rategate_decision* decision,
                       size_t* named, rategate_error* error) {
  int rc = look_at_members(members, count, decision, error);
  if (rc != 0) return rc;
  int64_t started_ns;
  if (decide_in_place(members, count, decision, named, &started_ns)) return 0;
  if (started_ns == 0) started_ns = rg_now();
  const struct rg_call call = {
      .deadline = rg_after_ms(started_ns, (int64_t)members[0].limit->client->timeout_ms),
      .cancel_fd = -1,
      .error = error};
  int64_t field[FIELDS];
  rc = ask_daemon(members, count, &call, field);
  if (rc != 0) return rc;
  *decision = (rategate_decision){.allowed = (int32_t)field[ALLOWED],
                                  .limit = field[LIMIT],
                                  .remaining = field[REMAINING],
                                  .retry_after_ms = field[RETRY_AFTER_MS],
                                  .reset_after_ms = field[RESET_AFTER_MS],
                                  .reason = (int32_t)field[REASON]};
  if (named != NULL) *named = (size_t)field[NAMED];
  return 0;
}
