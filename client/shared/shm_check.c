#include "client/shared/shm_check.h"

#include "client/shared/shm_decide.h"

enum rg_shm_outcome rg_shm_check(const struct rg_shm_view* view, const struct rg_shm_rule* rule,
                                 const struct rg_identity* id, uint32_t slot_hint, int64_t cost,
                                 int64_t now_ns, int64_t lag_ns, struct rg_shm_result* result) {
  return rg_shm_decide(view, rule, id, slot_hint, cost, now_ns, lag_ns, result);
}
