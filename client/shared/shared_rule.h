/* What the daemon says a handle's limit is in its segment: RESOLVE. */
#ifndef RATEGATE_CLIENT_SHARED_SHARED_RULE_H
#define RATEGATE_CLIENT_SHARED_SHARED_RULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/shared/attach.h"
#include "client/shared/segment.h"
#include "client/wire/call.h"
#include "client/wire/connections.h"
#include "client/wire/limit_name.h"
#include "shm/word.h"

/* Does not change once it is published, but for what is atomic. Freed with its client. */
struct rg_shared_rule {
  struct rg_shm_view view;          /* of its segment */
  const struct rg_segment* segment; /* that it is a rule of */
  _Atomic uint64_t rules;           /* the header's number when it was asked for last */
  struct rg_shm_rule rule;
  _Atomic uint32_t slot; /* of the empty key, as far as is known */
  struct rg_shared_rule* older;
};

/* What a handle has of shared memory. */
struct rg_shared_limit {
  struct rg_shared* shared; /* what its client has of it; set once */
  /* Without a key and with one, which may be two limits (RATEGATE_RECIPE_LIMIT). NULL: not known */
  _Atomic(struct rg_shared_rule*) rule[2];
};

void rg_shared_limit_close(struct rg_shared_limit* limit);

/* Asks RESOLVE where what is known of the limit is not of the client's segment as it is now. The
 * connection is the caller's, idle, and the answer counts only if it is one to the daemon of that
 * segment. As for rg_attach, failures are not told. Returns the limit's period in ms when it has
 * learned it, else 0. */
int64_t rg_resolve_rule(struct rg_shared_limit* limit, const struct rg_limit_name* name,
                        const void* key, size_t key_size, struct rg_connection* connection,
                        const struct rg_call* call);

/* The header's number of the rules. Relaxed: a rule's id means the same for ever, an old one only
 * finds nothing new. */
static inline uint64_t rg_rules_of(const struct rg_shm_view* view) {
  return (uint64_t)rg_field_load((const int64_t*)&view->header->rules);
}

/* Whether they are still the rules that it was asked for under. */
static inline bool rg_rules_are(const struct rg_shared_rule* known) {
  return rg_rules_of(&known->view) == atomic_load_explicit(&known->rules, memory_order_relaxed);
}

#endif
