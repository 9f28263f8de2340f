/* Deciding a check on what lies in the segment: pure, the time is an argument. The library and the
 * simulation link the very same code.
 *
 * Nothing is believed of the segment but that it may be read: whatever bytes it holds, the loops
 * are bounded and no address is made of them.
 *
 * Thread-safe: all that is shared is used through shm/word.h. */
#ifndef RATEGATE_CLIENT_SHARED_SHM_CHECK_H
#define RATEGATE_CLIENT_SHARED_SHM_CHECK_H

#include <stdint.h>

#include "client/shared/shm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Decides a check of a limit of windows. `id` is of rg_identity_of under the view's secret, or NULL
 * for the empty key, which then takes no hash where the hint is right. `slot_hint` is the number of
 * the slot to look at first, or RG_SHM_NO_HINT. Of the result, what does not belong to the outcome
 * means nothing. */
enum rg_shm_outcome rg_shm_check(const struct rg_shm_view* view, const struct rg_shm_rule* rule,
                                 const struct rg_identity* id, uint32_t slot_hint,
                                 struct rg_shm_ask ask, struct rg_shm_result* result);

/* The same of a limit whose permits are leased in slices, by whichever clock its pool has. `looks`:
 * whether it would be allowed, and nothing is taken. Decided, or a miss. */
enum rg_shm_outcome rg_shm_check_slices(const struct rg_shm_view* view,
                                        const struct rg_shm_rule* rule,
                                        const struct rg_identity* id, uint32_t slot_hint,
                                        int64_t cost, bool looks,
                                        const struct rg_shm_reader* reader,
                                        struct rg_shm_result* result);

/* Where what is decided by the first clock has missed: for a pool that has another one, as that of
 * a counter in another shard of a cluster. A miss where it has none. */
enum rg_shm_outcome rg_shm_check_elsewhere(const struct rg_shm_view* view,
                                           const struct rg_shm_rule* rule,
                                           const struct rg_identity* key, struct rg_shm_ask ask,
                                           struct rg_shm_result* result);

#ifdef __cplusplus
}
#endif

#endif
