/* Answers that are arrays of integers, as CHECK, ATTACH and RESOLVE have them. */
#ifndef RATEGATE_CLIENT_WIRE_INTEGERS_H
#define RATEGATE_CLIENT_WIRE_INTEGERS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a buffer for such an answer: six integers take 143 at most, and an error line that comes
 * in their place may be longer. */
#define RG_MAX_INTEGERS 512

/* Reads an array of exactly `count` integers. Returns its bytes once it is whole, 0 when there is
 * more to come, -EPROTO when it is not such an array. `fields` may be touched in any case. */
int64_t rg_read_integers(const char* data, size_t size, int count, int64_t fields[]);

#endif
