/* Answers of any shape in RESP2: finding their end while they arrive, and making a tree of them. */
#ifndef RATEGATE_CLIENT_WIRE_REPLY_H
#define RATEGATE_CLIENT_WIRE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "rategate/rategate.h"

#define RG_MAX_DEPTH 8 /* of arrays in arrays */

/* How far an answer has been looked through. Starts as {.missing = 1}. */
struct rg_scan {
  size_t at;      /* bytes of elements that were whole */
  size_t missing; /* elements that are still to come */
  size_t nodes;   /* elements so far */
};

/* Goes on through what has arrived of an answer, from its first byte on. Returns 1 when the answer
 * is whole, 0 when there is more to come, -EPROTO when it is no answer. */
int rg_scan_on(struct rg_scan* scan, const char* data, size_t size);

/* The tree of an answer that has been scanned to its end, in one piece of memory with a copy of
 * its bytes. 0, -ENOMEM, or -EPROTO when it is deeper than RG_MAX_DEPTH. */
int rg_make_reply(const struct rg_scan* scan, const char* data, rategate_reply** reply);

#endif
