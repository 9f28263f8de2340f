#include "client/shared/shm_check.h"

#include "client/shared/shm_decide.h"
#include "client/shared/shm_slices.h"

/* A pool that has another clock than the first. */
struct elsewhere {
  uint32_t at;
  struct rg_identity id;
  struct rg_shm_whose whose;
  const struct rg_shm_clock* clock;
};

/* A check that is not decided in place takes thousands of times as long as this second look. */
static bool find_elsewhere(const struct rg_shm_view* view, const struct rg_shm_rule* rule,
                           const struct rg_identity* key, struct elsewhere* found) {
  found->at = rg_shm_probe(view, rule->id, key);
  if (found->at == RG_SHM_NO_HINT) return false;
  const struct rg_identity empty = {rule->id, {0, 0, 0, 0}};
  found->id = key != NULL ? *key : empty;
  const uint32_t number = rg_clock_of(&view->slots[found->at], &found->id);
  if (number == 0 || number == RG_NO_CLOCK) return false;
  found->id.rule = rg_rule_with_clock(rule->id, number);
  found->clock = &view->header->clock[number % RG_SHM_CLOCKS];
  found->whose.rule = found->id.rule;
  found->whose.key = key != NULL ? &found->id : NULL;
  return true;
}

enum rg_shm_outcome rg_shm_check_elsewhere(const struct rg_shm_view* view,
                                           const struct rg_shm_rule* rule,
                                           const struct rg_identity* key, struct rg_shm_ask ask,
                                           struct rg_shm_result* result) {
  struct elsewhere found;
  if (!find_elsewhere(view, rule, key, &found)) return RG_SHM_MISS;
  return rg_shm_decide_by(view, found.clock, rule, found.whose, found.at, true, ask, result);
}

enum rg_shm_outcome rg_shm_check(const struct rg_shm_view* view, const struct rg_shm_rule* rule,
                                 const struct rg_identity* id, uint32_t slot_hint,
                                 struct rg_shm_ask ask, struct rg_shm_result* result) {
  const struct rg_shm_whose whose = {rule->id, id};
  const enum rg_shm_outcome outcome =
      rg_shm_decide_by(view, &view->header->clock[0], rule, whose, slot_hint, false, ask, result);
  if (outcome != RG_SHM_MISS) return outcome;
  return rg_shm_check_elsewhere(view, rule, id, ask, result);
}

enum rg_shm_outcome rg_shm_check_slices(const struct rg_shm_view* view,
                                        const struct rg_shm_rule* rule,
                                        const struct rg_identity* id, uint32_t slot_hint,
                                        int64_t cost, bool looks,
                                        const struct rg_shm_reader* reader,
                                        struct rg_shm_result* result) {
  const struct rg_shm_whose whose = {rule->id, id};
  const enum rg_shm_outcome outcome = rg_shm_decide_slices(
      view, &view->header->clock[0], rule, whose, slot_hint, false, cost, looks, *reader, result);
  if (outcome != RG_SHM_MISS) return outcome;
  struct elsewhere found;
  if (!find_elsewhere(view, rule, id, &found)) return RG_SHM_MISS;
  return rg_shm_decide_slices(view, found.clock, rule, found.whose, found.at, true, cost, looks,
                              *reader, result);
}
