/* SipHash-2-4 with 128 bits of result (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012, and their reference's 128-bit variant): what stands for a key that is too long for its
 * slot. C11 and C++20 alike. */
#ifndef RATEGATE_SHM_SIP_HASH_H
#define RATEGATE_SHM_SIP_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rg_sip_state {
  uint64_t v0, v1, v2, v3;
};

static inline uint64_t rg_rotate_left(uint64_t x, int by) { return x << by | x >> (64 - by); }

static inline void rg_sip_rounds(struct rg_sip_state* s, int rounds) {
  for (; rounds > 0; --rounds) {
    s->v0 += s->v1, s->v1 = rg_rotate_left(s->v1, 13) ^ s->v0, s->v0 = rg_rotate_left(s->v0, 32);
    s->v2 += s->v3, s->v3 = rg_rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3, s->v3 = rg_rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1, s->v1 = rg_rotate_left(s->v1, 17) ^ s->v2, s->v2 = rg_rotate_left(s->v2, 32);
  }
}

static inline void rg_sip_absorb(struct rg_sip_state* s, uint64_t word) {
  s->v3 ^= word;
  rg_sip_rounds(s, 2);
  s->v0 ^= word;
}

/* `bytes` may be NULL where size is 0. Words are little endian. */
static inline void rg_sip_hash_128(const uint64_t secret[2], const void* bytes, size_t size,
                                   uint64_t digest[2]) {
  struct rg_sip_state s = {
      secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
      secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)};
  const unsigned char* at = (const unsigned char*)bytes;
  size_t rest = size;
  for (; rest >= 8; at += 8, rest -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    rg_sip_absorb(&s, word);
  }
  uint64_t last = (uint64_t)size << 56;
  for (size_t i = 0; i < rest; ++i) last |= (uint64_t)at[i] << (8 * i);
  rg_sip_absorb(&s, last);
  s.v2 ^= 0xee;
  rg_sip_rounds(&s, 4);
  digest[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  s.v1 ^= 0xdd;
  rg_sip_rounds(&s, 4);
  digest[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
