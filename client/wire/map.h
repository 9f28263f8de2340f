/* Answers that are maps of names and values, as that to CHECKX is: in RESP2 flat arrays of both in
 * turn. Later daemons may tell more, so what is wanted is found by its name. */
#ifndef RATEGATE_CLIENT_WIRE_MAP_H
#define RATEGATE_CLIENT_WIRE_MAP_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a buffer for such an answer: that to CHECKX takes less than 600, and later ones may be
 * longer. */
#define RG_MAX_MAP 2048

/* Reads the integers of those `count` names. Values of other names are skipped, unless they are
 * arrays. Returns how many bytes the map has once it is whole, 0 when there is more to come,
 * -EPROTO when it is no such map, or one of the names is missing. `fields` may be touched even
 * so. */
int64_t rg_read_map(const char* data, size_t size, const char* const names[], int count,
                    int64_t fields[]);

#endif
