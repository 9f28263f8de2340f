/* Answers that are arrays of integers, as those to CHECK, PEEK, ATTACH and RESOLVE are. */
#ifndef RATEGATE_CLIENT_WIRE_INTEGERS_H
#define RATEGATE_CLIENT_WIRE_INTEGERS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a buffer for such an answer of up to eight: these take 188 at most, and an error line
 * that comes in their place may be longer. */
#define RG_MAX_INTEGERS 512
/* Bytes of an integer in such an answer, at most. */
#define RG_MAX_INTEGER 23

/* Reads an array of exactly `count` integers. Returns how many bytes it has once it is whole, 0
 * when there is more to come, -EPROTO when it is no such array. `fields` may be touched even so. */
int64_t rg_read_integers(const char* data, size_t size, int count, int64_t fields[]);

/* The same of an array of `row` integers, or twice, or more times as many, up to `most` rows; *rows
 * becomes how many there are. */
int64_t rg_read_rows(const char* data, size_t size, int row, int most, int64_t fields[], int* rows);

#endif
