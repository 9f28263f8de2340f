/* Requests about a limit, CHECK, PEEK, ACQUIRE, RESOLVE, ENTER and their like, which name it in
 * the same words. */
#ifndef RATEGATE_CLIENT_WIRE_LIMIT_NAME_H
#define RATEGATE_CLIENT_WIRE_LIMIT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/wire/request.h"
#include "shm/bounds.h"

/* Bytes of "LIMIT <n> PERIOD <n>ms" as words. */
#define RG_MAX_DECLARATION \
  (RG_MAX_WORD(5) + RG_MAX_WORD(RG_MAX_NUMBER) + RG_MAX_WORD(6) + RG_MAX_WORD(RG_MAX_NUMBER + 2))

/* Bytes of a whole question about a limit, at most. */
#define RG_MAX_QUESTION                                                                           \
  (RG_MAX_HEADER + RG_MAX_WORD(8) + RG_MAX_WORD(RG_MAX_NAME_BYTES) +                              \
   RG_MAX_WORD(RG_MAX_KEY_BYTES) + RG_MAX_WORD(4) + RG_MAX_WORD(RG_MAX_NUMBER) + RG_MAX_WORD(7) + \
   RG_MAX_WORD(RG_MAX_NUMBER) + RG_MAX_DECLARATION)

/* Bytes of a settlement, at most. */
#define RG_MAX_SETTLEMENT                                                              \
  (RG_MAX_HEADER + RG_MAX_WORD(6) + RG_MAX_WORD(RG_MAX_NAME_BYTES) +                   \
   RG_MAX_WORD(RG_MAX_KEY_BYTES) + 3 * (RG_MAX_WORD(4) + RG_MAX_WORD(RG_MAX_NUMBER)) + \
   RG_MAX_DECLARATION)

/* What names a limit to the daemon, encoded once for all its requests. It does not move, because
 * it points into itself. */
struct rg_limit_name {
  char text[RG_MAX_NAME_BYTES + 1];
  struct rg_request declaration; /* empty: the daemon is to know the limit by its name */
  char declaration_bytes[RG_MAX_DECLARATION];
};

/* Whether a limit can have that name: 1 to RG_MAX_NAME_BYTES of letters, digits and "_-./@". */
bool rg_is_limit_name(const char* text);

/* Both numbers are zero for a limit that is not declared. All are in their ranges. */
void rg_limit_name_set(struct rg_limit_name* name, const char* text, int64_t permits,
                       int64_t period_ms);

/* Writes "<verb> <name> [<key>] [COST <cost>] [TIMEOUT <ms>] [LIMIT <n> PERIOD <n>ms]"; a cost of 1
 * is left out, and so is a time-out below 0. The verb has at most 8 bytes. */
void rg_put_question(struct rg_request* request, const char* verb, const struct rg_limit_name* name,
                     const void* key, size_t key_size, int64_t cost, int64_t timeout_ms);

/* Writes "ENTER <name> [<key>] [COST <cost>] [TIMEOUT <ms>] [FOR <ms>]"; what is 1 of the cost, and
 * 0 of the others, is left out. The name is of a limit that is not declared. */
void rg_put_entry(struct rg_request* request, const struct rg_limit_name* name, const void* key,
                  size_t key_size, int64_t cost, int64_t timeout_ms, int64_t for_ms);

/* Writes "SETTLE <name> [<key>] TOOK <took> USED <used> AT <receipt> [LIMIT <n> PERIOD <n>ms]"; no
 * number is negative. */
void rg_put_settlement(struct rg_request* request, const struct rg_limit_name* name,
                       const void* key, size_t key_size, int64_t took, int64_t used,
                       int64_t receipt);

#endif
