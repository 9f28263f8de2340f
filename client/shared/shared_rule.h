/* What the daemon says a handle's limit is in its segment: RESOLVE. */
#ifndef RATEGATE_CLIENT_SHARED_SHARED_RULE_H
#define RATEGATE_CLIENT_SHARED_SHARED_RULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/shared/attach.h"
#include "client/shared/segment.h"
#include "client/shared/shm_members.h"
#include "client/wire/call.h"
#include "client/wire/connections.h"
#include "client/wire/limit_name.h"
#include "shm/word.h"

/* One of the limits that a check has to keep. */
struct rg_shared_member {
  struct rg_shm_rule rule;
  _Atomic uint32_t slot; /* of the empty key's pool, as far as is known */
};

/* Its members do not change once it is published, but for what is atomic. Freed with its client. */
struct rg_shared_rule {
  struct rg_shm_view view;          /* a copy of its segment's, so that a check need not go there */
  const struct rg_segment* segment; /* whose rule it is */
  _Atomic uint64_t rules;           /* the number of the rules when this one was asked for last */
  struct rg_shm_rule
      rule;      /* where a check has to keep several, the first, as one that is not shared */
  bool is_quick; /* of windows that are long enough for the coarse clock */
  _Atomic uint32_t slot;        /* of the empty key's pool, as far as is known */
  _Atomic uint32_t asked;       /* checks that the daemon was asked for since the rule was */
  uint32_t most_asked;          /* after so many of them the rule is asked for again */
  struct rg_shared_rule* older; /* the one that it has replaced */
  bool has_members;             /* a check has to keep several, and all of them are shared */
  uint32_t members;             /* so many; 1: the rule itself */
  struct rg_shared_member member[];
};

/* What a handle has of shared memory. */
struct rg_shared_limit {
  struct rg_shared* shared; /* what its client has of it; set once */
  /* For checks without a key and for those with one, because the daemon may have two limits for
   * them (RATEGATE_RECIPE_LIMIT). NULL: not known. */
  _Atomic(struct rg_shared_rule*) rule[2];
};

void rg_shared_limit_close(struct rg_shared_limit* limit);

/* Asks RESOLVE, unless what is known of the limit is of the client's segment as it is now; and in
 * any case after some checks that came here, because a rule may end without that the segment's
 * number of rules grows: a declared limit that made room for another, and was declared again. The
 * connection is the caller's, and idle; an answer counts only where that leads to the daemon
 * of the segment. Failures are not told: without a rule, checks go over the socket. Returns the
 * limit's period in ms when it has learned it, else 0. */
int64_t rg_resolve_rule(struct rg_shared_limit* limit, const struct rg_limit_name* name,
                        const void* key, size_t key_size, struct rg_connection* connection,
                        const struct rg_call* call);

/* The number in the segment's header that grows when rules change. Relaxed: a rule's id means the
 * same for ever, so that who goes by an old number only finds nothing new. */
static inline uint64_t rg_rules_of(const struct rg_shm_view* view) {
  return (uint64_t)rg_field_load((const int64_t*)&view->header->rules);
}

/* Whether no rule of its segment has changed since this one was asked for. */
static inline bool rg_rules_are(const struct rg_shared_rule* known) {
  return rg_rules_of(&known->view) == atomic_load_explicit(&known->rules, memory_order_relaxed);
}

#endif
