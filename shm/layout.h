/* The bytes of the shared segment: docs/shared-memory.md has the same tables, with who writes what.
 * C11 and C++20 alike. All fields that change are used through shm/word.h only. */
#ifndef RATEGATE_SHM_LAYOUT_H
#define RATEGATE_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RG_STATIC_ASSERT static_assert
#else
#define RG_STATIC_ASSERT _Static_assert
#endif

#define RG_SHM_MAGIC UINT64_C(0x6574616765746172) /* the bytes "rategate" */
#define RG_SHM_LAYOUT_VERSION 4
#define RG_SHM_HEADER_BYTES 4096
#define RG_SHM_PROBES 8
#define RG_SHM_CLOCKS 32 /* one for each shard of the store */
#define RG_RULE_BITS 28
#define RG_CLOCK_BITS 5
#define RG_NUMBER_BITS 30 /* the highest; a limit has at most 10^9 permits */
#define RG_SHM_MIN_SLOTS 16
#define RG_SHM_MAX_SLOTS (1 << 24)

/* Of one shard of the store. Read under `sequence`. Times are CLOCK_MONOTONIC in ns. */
struct rg_shm_clock {
  uint64_t sequence;   /* odd while it is written */
  int64_t offset_ns;   /* Redis time minus CLOCK_MONOTONIC */
  int64_t error_ns;    /* when it was measured */
  int64_t measured_ns; /* when that was */
  int64_t drift;       /* the error grows by age_ns * drift >> 32 */
  int64_t until_ns;    /* not to be trusted from then on; 0: not at all */
  unsigned char unused[64 - 48];
};

struct rg_shm_header {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t header_bytes;
  uint64_t bytes; /* of the whole segment */
  uint32_t slots; /* a power of two */
  uint32_t probes;
  uint64_t generation;
  uint64_t hash_seed[4];
  uint64_t digest_secret[2];
  unsigned char unused_1[192 - 88];
  uint64_t rules; /* relaxed; grows when handles should be resolved anew */
  unsigned char unused_2[256 - 200];
  struct rg_shm_clock clock[RG_SHM_CLOCKS];
  unsigned char unused_3[RG_SHM_HEADER_BYTES - 256 - 64 * RG_SHM_CLOCKS];
};

/* How the words of a rule's slots are read, as RESOLVE tells it. Of the last two, permits are good
 * until their word ends, and may be spent as soon as they are there. */
enum rg_rule_kind {
  RG_RULE_WINDOWS,     /* a word is of the window that ends with it, and is open in it alone */
  RG_RULE_BUCKET,      /* slices of a token bucket: both words may be open */
  RG_RULE_SLIDING_LOG, /* slices of a sliding window: the same */
  RG_RULE_KINDS
};

#define RG_LEFT_IS_WAIT (UINT32_C(1) << 31)

/* Whose slot it is. */
struct rg_identity {
  /* Below 2^RG_RULE_BITS; 0: nobody's. In a slot the clock's number is above it, then whether the
   * key is blocked, and at the top the permits that it has in a period: shm/identity.h. */
  uint64_t rule;
  uint64_t key[4];
};

struct rg_slot {
  uint64_t word[2]; /* shm/word.h */
  struct rg_identity identity;
  uint32_t low_water; /* permits */
  /* Permits in Redis, at its last answer. With RG_LEFT_IS_WAIT there are none, and the rest says in
   * ms how long after the end of a denial of slices the first one is there. Of a key that is
   * blocked all of it is ms, of the block beyond the word. */
  uint32_t left;
};

#define RG_AT(type, field, offset) \
  RG_STATIC_ASSERT(offsetof(struct type, field) == (offset), #type "." #field)
RG_AT(rg_shm_header, magic, 0);
RG_AT(rg_shm_header, layout_version, 8);
RG_AT(rg_shm_header, header_bytes, 12);
RG_AT(rg_shm_header, bytes, 16);
RG_AT(rg_shm_header, slots, 24);
RG_AT(rg_shm_header, probes, 28);
RG_AT(rg_shm_header, generation, 32);
RG_AT(rg_shm_header, hash_seed, 40);
RG_AT(rg_shm_header, digest_secret, 72);
RG_AT(rg_shm_header, rules, 192);
RG_AT(rg_shm_header, clock, 256);
RG_AT(rg_shm_clock, sequence, 0);
RG_AT(rg_shm_clock, offset_ns, 8);
RG_AT(rg_shm_clock, error_ns, 16);
RG_AT(rg_shm_clock, measured_ns, 24);
RG_AT(rg_shm_clock, drift, 32);
RG_AT(rg_shm_clock, until_ns, 40);
RG_AT(rg_identity, rule, 0);
RG_AT(rg_identity, key, 8);
RG_AT(rg_slot, word, 0);
RG_AT(rg_slot, identity, 16);
RG_AT(rg_slot, low_water, 56);
RG_AT(rg_slot, left, 60);
RG_STATIC_ASSERT(sizeof(struct rg_shm_header) == RG_SHM_HEADER_BYTES, "header");
RG_STATIC_ASSERT(sizeof(struct rg_slot) == 64, "a slot is a cache line");
RG_STATIC_ASSERT(sizeof(struct rg_shm_clock) == 64, "a clock is a cache line");
RG_STATIC_ASSERT(RG_SHM_CLOCKS == 1 << RG_CLOCK_BITS, "a clock's number");
RG_STATIC_ASSERT(RG_RULE_BITS + RG_CLOCK_BITS + 1 + RG_NUMBER_BITS == 64, "one word");
#undef RG_AT

static inline size_t rg_shm_bytes(uint32_t slots) {
  return RG_SHM_HEADER_BYTES + (size_t)slots * sizeof(struct rg_slot);
}

#endif
