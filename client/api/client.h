/* What a client and a handle are made of. */
#ifndef RATEGATE_CLIENT_API_CLIENT_H
#define RATEGATE_CLIENT_API_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/shared/attach.h"
#include "client/shared/shared_rule.h"
#include "client/wire/call.h"
#include "client/wire/connections.h"
#include "client/wire/descriptor.h"
#include "client/wire/fork_guard.h"
#include "client/wire/limit_name.h"
#include "rategate/rategate.h"

struct rategate_client {
  uint32_t timeout_ms;
  bool receipts; /* checks that the daemon decides are asked with their receipts */
  struct rg_fork_guard guard;
  struct rg_connections connections;
  struct rg_shared shared;
  atomic_uint life;    /* how often the client was taken over by a child made by fork() */
  atomic_uint entries; /* that this process has not left */
  atomic_bool cancelled;
  /* A socket of this process that leads nowhere, and is shut down to be cancelled: from then on it
   * can be read. None: there is none, and cancel_errno says why. */
  struct rg_descriptor cancel;
  int cancel_errno;                       /* negative */
  _Atomic(struct rategate_limit*) limits; /* a list that only grows */
};

struct rategate_limit {
  struct rg_shared_limit in_place; /* first, where it is found without a sum */
  rategate_client* client;
  struct rategate_limit* next;
  int64_t permits;   /* 0: not declared */
  int64_t period_ms; /* 0: not declared */
  /* The longest reset_after_ms that was answered; it is at most the period. */
  _Atomic int64_t longest_reset_ms;
  struct rg_limit_name name;
};

/* In a child made by fork(), lets go of what the client must not share with its parent; elsewhere,
 * and the next time, does nothing. Comes before any use of the connections and of `cancel`. */
void rg_after_fork(rategate_client* client);

/* Whether limit and key of any question are in their ranges: 0, or fails with -EINVAL. */
int rg_look_at_key(const rategate_limit* limit, const void* key, size_t key_size,
                   rategate_error* error);

/* Whether the arguments of a check, or peek, are in their ranges: 0, or fails with -EINVAL. */
int rg_look_at_arguments(const rategate_limit* limit, const void* key, size_t key_size,
                         int64_t cost, const rategate_decision* decision, rategate_error* error);

/* By which a decision is asked for. */
enum rg_verb { RG_CHECK, RG_CHECKX, RG_PEEK, RG_ACQUIRE, RG_ACQUIREX };

/* What a decision is asked about, all in its range. */
struct rg_question {
  enum rg_verb verb;
  const void* key;
  size_t key_size;
  int64_t cost;
  int64_t timeout_ms; /* of the two that wait */
  /* Where the whole of a map goes, as a tree in place of the one that is there, which is freed.
   * NULL: only the decision is wanted. */
  rategate_reply** whole;
};

/* Asks the daemon for a decision. Of the verbs that answer a map its window_end_ms is the receipt.
 * Returns and leaves to the caller what rg_exchange does. */
int rg_ask_daemon(const rategate_limit* limit, const struct rg_question* question,
                  const struct rg_call* call, rategate_decision* decision,
                  struct rg_connection** kept);

/* The same, by a verb that takes permits. On the way it also asks for what the next check needs to
 * be decided in place, unless the whole answer is wanted, which nothing in place has; until the
 * call's deadline, or for as long as a call may take where the answer came after that. */
int rg_take_by_daemon(rategate_limit* limit, const struct rg_question* question,
                      const struct rg_call* call, rategate_decision* decision);

#endif
