#include "client/shared/members_in_place.h"

#include <stdatomic.h>

#include "client/shared/decide_in_place.h"
#include "client/shared/read_clock.h"
#include "shm/identity.h"

static bool add_member(struct rg_members* members, struct rg_shm_rule* rule, _Atomic uint32_t* slot,
                       const void* key, size_t key_size, int64_t cost, uint32_t listed) {
  if (members->count == RG_SHM_MOST_MEMBERS || !rule->shared) return false;
  const uint32_t at = members->count++;
  const bool has_key = rule->keyed && key_size > 0;
  if (has_key) {
    members->id[at] = rg_identity_of(rule->id, key, key_size, members->segment->view.digest_secret);
  }
  members->slot[at] = has_key ? NULL : slot;
  members->listed[at] = listed;
  members->member[at] = (struct rg_shm_member){
      .rule = rule,
      .id = has_key ? &members->id[at] : NULL,
      .slot_hint = has_key ? RG_SHM_NO_HINT : atomic_load_explicit(slot, memory_order_relaxed),
      .cost = cost};
  return true;
}

bool rg_add_members(struct rg_members* members, const struct rg_shared_limit* limit,
                    const void* key, size_t key_size, int64_t cost, uint32_t listed) {
  struct rg_shared_rule* known =
      atomic_load_explicit(&limit->rule[key_size > 0], memory_order_acquire);
  if (known == NULL || !rg_rules_are(known)) return false;
  if (members->count == 0) members->segment = known->segment;
  if (known->segment != members->segment) return false;
  for (uint32_t i = 0; i < known->members; ++i) {
    struct rg_shared_member* member = &known->member[i];
    if (!add_member(members, &member->rule, &member->slot, key, key_size, cost, listed)) {
      return false;
    }
  }
  return true;
}

static int64_t first_end_ms(const struct rg_members* members,
                            const struct rg_shm_combined* combined) {
  int64_t first = 0;
  for (uint32_t i = 0; i < members->count; ++i) {
    if (members->member[i].rule->kind != RG_RULE_WINDOWS) continue;
    const int64_t end_ms = combined->result[i].window_end_ms;
    if (first == 0 || end_ms < first) first = end_ms;
  }
  return first;
}

/* What was found on the way: slots, and pools that run low. */
static void note_pools(const struct rg_members* members, const struct rg_shared* shared,
                       const struct rg_shm_combined* combined) {
  for (uint32_t i = 0; i < members->count; ++i) {
    const struct rg_shm_result* result = &combined->result[i];
    if (members->slot[i] != NULL && members->member[i].slot_hint != result->slot) {
      atomic_store_explicit(members->slot[i], result->slot, memory_order_relaxed);
    }
    if (result->nudge) rg_nudge(shared, result->slot);
  }
}

bool rg_decide_members(const struct rg_members* members, const struct rg_shared* shared,
                       rategate_decision* decision, uint32_t* named, int64_t* started_ns) {
  const struct rg_shm_reader reader = rg_clock_reader(shared, started_ns);
  struct rg_shm_combined combined;
  if (rg_shm_check_members(&members->segment->view, members->member, members->count, &reader,
                           &combined) != RG_SHM_DECIDED) {
    return false;
  }
  const struct rg_shm_result* result = &combined.result[combined.named];
  *named = members->listed[combined.named];
  *decision = (rategate_decision){.allowed = result->allowed,
                                  .reason = rg_reason_of(result),
                                  .limit = result->limit,
                                  .remaining = result->remaining,
                                  .retry_after_ms = result->allowed ? 0 : result->retry_after_ms,
                                  .reset_after_ms = result->reset_after_ms,
                                  .decided_ns = combined.read_ns};
  if (!result->allowed) return true;
  decision->window_end_ms = first_end_ms(members, &combined);
  note_pools(members, shared, &combined);
  return true;
}

bool rg_decide_by_members(const struct rg_shared_limit* limit, struct rg_shared_rule* known,
                          const void* key, size_t key_size, int64_t cost,
                          rategate_decision* decision, int64_t* started_ns) {
  if (!known->has_members) return false;
  struct rg_members members = {.count = 0};
  uint32_t named;
  return rg_add_members(&members, limit, key, key_size, cost, 0) &&
         rg_decide_members(&members, limit->shared, decision, &named, started_ns);
}
