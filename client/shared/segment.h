/* The daemon's segment as this process has it mapped.
 *
 * A segment is never given back while its client is open: threads may be inside. One that is
 * replaced is laid over with zeros in place, where every look finds nothing. */
#ifndef RATEGATE_CLIENT_SHARED_SEGMENT_H
#define RATEGATE_CLIENT_SHARED_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "client/shared/shm_types.h"

/* Its members do not change once it is published; what lies in the pages does. */
struct rg_segment {
  struct rg_shm_view view;
  uint64_t generation;
  void* pages;
  size_t bytes;
  struct rg_segment* older; /* the one that it has replaced */
};

/* Maps the memfd if it is a segment of this layout and of that size and generation, and sealed so
 * that no access can fault. The descriptor stays the caller's.
 * Returns 0; -EPROTO when it is something else; or the system's -errno. */
int rg_segment_map(int memfd, int64_t bytes, uint64_t generation, struct rg_segment** segment);

/* Lays zeros over a segment that was replaced. Where the system has no room for that, the mapping
 * stays as it is: what lies there is good until the trust in its clock ends. */
void rg_segment_blank(const struct rg_segment* segment);

/* Unmaps and frees this segment and all older ones. */
void rg_segment_free(struct rg_segment* segment);

#endif
