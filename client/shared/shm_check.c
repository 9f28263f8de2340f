#include "client/shared/shm_check.h"

#include "client/shared/shm_decide.h"

/* A check that is not decided in place takes thousands of times as long as this second look. */
enum rg_shm_outcome rg_shm_check_elsewhere(const struct rg_shm_view* view,
                                           const struct rg_shm_rule* rule,
                                           const struct rg_identity* key, int64_t cost,
                                           int64_t now_ns, int64_t lag_ns,
                                           struct rg_shm_result* result) {
  const uint32_t at = rg_shm_probe(view, rule->id, key);
  if (at == RG_SHM_NO_HINT) return RG_SHM_MISS;
  const struct rg_identity empty = {rule->id, {0, 0, 0, 0}};
  struct rg_identity id = key != NULL ? *key : empty;
  const uint32_t number = rg_clock_of(&view->slots[at], &id);
  if (number == 0 || number == RG_NO_CLOCK) return RG_SHM_MISS;
  id.rule = rg_rule_with_clock(rule->id, number);
  const struct rg_shm_clock* clock = &view->header->clock[number % RG_SHM_CLOCKS];
  const struct rg_shm_whose whose = {id.rule, key != NULL ? &id : NULL};
  const struct rg_shm_ask ask = {cost, now_ns, lag_ns};
  return rg_shm_decide_by(view, clock, rule, whose, at, true, ask, result);
}

enum rg_shm_outcome rg_shm_check(const struct rg_shm_view* view, const struct rg_shm_rule* rule,
                                 const struct rg_identity* id, uint32_t slot_hint, int64_t cost,
                                 int64_t now_ns, int64_t lag_ns, struct rg_shm_result* result) {
  const enum rg_shm_outcome outcome =
      rg_shm_decide(view, rule, id, slot_hint, cost, now_ns, lag_ns, result);
  if (outcome != RG_SHM_MISS) return outcome;
  return rg_shm_check_elsewhere(view, rule, id, cost, now_ns, lag_ns, result);
}
