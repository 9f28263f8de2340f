/* From (rule, key) to what stands in a slot, and to the slots that may hold it. C11 and C++20
 * alike: the daemon and its clients must come to the same. */
#ifndef RATEGATE_SHM_IDENTITY_H
#define RATEGATE_SHM_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shm/layout.h"
#include "shm/sip_hash.h"
#include "shm/word.h"

#define RG_KEY_BYTES_IN_SLOT 31
#define RG_KEY_IS_DIGEST 255

static inline uint64_t rg_eight_bytes(const unsigned char* at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

/* The last 1 to 7 bytes of a key of 8 and more, padded with zeros: by a load that ends with them.
 */
static inline uint64_t rg_last_bytes(const unsigned char* end, size_t count) {
  return count == 0 ? 0 : rg_eight_bytes(end - 8) >> (64 - 8 * count);
}

/* 0 to 7 bytes, padded with zeros. */
static inline uint64_t rg_few_bytes(const unsigned char* at, size_t count) {
  if (count >= 4) {
    uint32_t first;
    uint32_t last;
    memcpy(&first, at, 4);
    memcpy(&last, at + count - 4, 4);
    return first | (uint64_t)last << (8 * (count - 4));
  }
  uint64_t word = 0;
  for (size_t i = 0; i < count; ++i) word |= (uint64_t)at[i] << (8 * i);
  return word;
}

/* The last byte of the fourth word says what the others are. Words are little endian. A memcpy of
 * unknown size would be a call, and this is in the way of each check. */
static inline struct rg_identity rg_identity_of(uint64_t rule, const void* key, size_t size,
                                                const uint64_t digest_secret[2]) {
  struct rg_identity identity = {rule, {0, 0, 0, 0}};
  if (size <= RG_KEY_BYTES_IN_SLOT) {
    const unsigned char* at = (const unsigned char*)key;
    if (size < 8) {
      identity.key[0] = rg_few_bytes(at, size);
    } else {
      identity.key[0] = rg_eight_bytes(at);
      const uint64_t tail = rg_last_bytes(at + size, size & 7);
      if (size < 16) {
        identity.key[1] = tail;
      } else {
        identity.key[1] = rg_eight_bytes(at + 8);
        if (size < 24) {
          identity.key[2] = tail;
        } else {
          identity.key[2] = rg_eight_bytes(at + 16);
          identity.key[3] = tail;
        }
      }
    }
    identity.key[3] |= (uint64_t)size << 56;
  } else {
    rg_sip_hash_128(digest_secret, key, size, identity.key);
    identity.key[2] = size;
    identity.key[3] = (uint64_t)RG_KEY_IS_DIGEST << 56;
  }
  return identity;
}

static inline uint64_t rg_fold_product(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 rg_u128;
  const rg_u128 product = (rg_u128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A fast seeded hash. It only finds the slot, the first of `probes` ones in a row: nothing depends
 * on its not colliding. It is a part of the layout: another one is another RG_SHM_LAYOUT_VERSION.
 */
static inline uint64_t rg_identity_hash(const struct rg_identity* id, const uint64_t seed[4]) {
  const uint64_t rule = id->rule * UINT64_C(0x9e3779b97f4a7c15);
  const uint64_t a = rg_fold_product(id->key[0] ^ seed[0], id->key[1] ^ rule ^ seed[1]);
  const uint64_t b = rg_fold_product(id->key[2] ^ seed[2], id->key[3] ^ seed[3]);
  return a ^ b;
}

/* What stands in a slot for a rule: with the number of the clock by which its windows are. It is a
 * part of the slot's identity, so that a pool whose clock is another one has another slot. */
static inline uint64_t rg_rule_with_clock(uint64_t rule, uint64_t clock) {
  return rule | clock << RG_RULE_BITS;
}

/* With the permits that the key has in a period, where they are told: by a rule for keys they may
 * be others than the limit's. Of that the slot is not found. */
static inline uint64_t rg_rule_with_number(uint64_t rule, int64_t permits) {
  return rule | (uint64_t)permits << (64 - RG_NUMBER_BITS);
}
static inline int64_t rg_number_of(const struct rg_slot* slot) {
  return (int64_t)(rg_identity_load(&slot->identity.rule) >> (64 - RG_NUMBER_BITS));
}

/* The slot is no pool's: its words say for how long the key is blocked, and grant nothing. */
#define RG_RULE_IS_BLOCKED (UINT64_C(1) << (RG_RULE_BITS + RG_CLOCK_BITS))
static inline bool rg_is_blocked(const struct rg_slot* slot) {
  return (rg_identity_load(&slot->identity.rule) & RG_RULE_IS_BLOCKED) != 0;
}

/* 0 where two of them are of the same rule and clock, whatever else they say. */
static inline uint64_t rg_rules_apart(uint64_t a, uint64_t b) {
  return (a ^ b) << (64 - RG_RULE_BITS - RG_CLOCK_BITS);
}

/* Whether the slot's identity is this one, the clock in its rule included, as far as relaxed loads
 * tell: right only together with a word that was loaded before and is swapped, or looked at again,
 * after. */
static inline bool rg_slot_is(const struct rg_slot* slot, const struct rg_identity* id) {
  const uint64_t differences = rg_rules_apart(rg_identity_load(&slot->identity.rule), id->rule) |
                               (rg_identity_load(&slot->identity.key[0]) ^ id->key[0]) |
                               (rg_identity_load(&slot->identity.key[1]) ^ id->key[1]) |
                               (rg_identity_load(&slot->identity.key[2]) ^ id->key[2]) |
                               (rg_identity_load(&slot->identity.key[3]) ^ id->key[3]);
  return differences == 0;
}

/* The same for the empty key: its length says all. */
static inline bool rg_slot_is_keyless(const struct rg_slot* slot, uint64_t rule) {
  return (rg_rules_apart(rg_identity_load(&slot->identity.rule), rule) |
          (rg_identity_load(&slot->identity.key[3]) >> 56)) == 0;
}

#define RG_NO_CLOCK UINT32_MAX

/* By which clock the slot is the pool's of that identity, whose rule is without one; RG_NO_CLOCK
 * where it is another pool's. Right as far as rg_slot_is() is. */
static inline uint32_t rg_clock_of(const struct rg_slot* slot, const struct rg_identity* id) {
  const uint64_t clock =
      rg_identity_load(&slot->identity.rule) >> RG_RULE_BITS & (RG_SHM_CLOCKS - 1);
  struct rg_identity with_clock = *id;
  with_clock.rule = rg_rule_with_clock(id->rule, clock);
  return rg_slot_is(slot, &with_clock) ? (uint32_t)clock : RG_NO_CLOCK;
}

#endif
