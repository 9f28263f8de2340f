/* What a client and a handle are made of. */
#ifndef RATEGATE_CLIENT_API_CLIENT_H
#define RATEGATE_CLIENT_API_CLIENT_H

#include <stdatomic.h>
#include <stdint.h>

#include "client/shared/attach.h"
#include "client/shared/shared_rule.h"
#include "client/wire/call.h"
#include "client/wire/connections.h"
#include "client/wire/fork_guard.h"
#include "client/wire/limit_name.h"
#include "rategate/rategate.h"

struct rategate_client {
  uint32_t timeout_ms;
  struct rg_fork_guard guard;
  struct rg_connections connections;
  struct rg_shared shared;
  atomic_bool cancelled;
  int cancel_fd; /* an eventfd that can be read once cancelled; this process' own */
  _Atomic(struct rategate_limit*) limits; /* only grows */
};

struct rategate_limit {
  struct rg_shared_limit in_place; /* first, where it is found without a sum */
  rategate_client* client;
  struct rategate_limit* next;
  int64_t permits;   /* 0: not declared */
  int64_t period_ms; /* 0: not declared */
  /* The longest reset_after that was answered, which is a period at most. */
  _Atomic int64_t longest_reset_ms;
  struct rg_limit_name name;
};

/* To be called before anything of the client is used that a child must not share. */
void rg_after_fork(rategate_client* client);

/* 0, or fails with -EINVAL. */
int rg_look_at_arguments(const rategate_limit* limit, const void* key, size_t key_size,
                         int64_t cost, const rategate_decision* decision, rategate_error* error);

/* A check of arguments in their ranges, over the socket. What it takes for the next one to be
 * decided in place is asked for by the way. */
int rg_check_by_daemon(rategate_limit* limit, const void* key, size_t key_size, int64_t cost,
                       const struct rg_call* call, rategate_decision* decision);

#endif
