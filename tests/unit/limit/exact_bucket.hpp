// What tests of token buckets reckon with: whole numbers that lose nothing.
#pragma once

#include <cstdint>

#include "daemon/limit/token_bucket.hpp"

namespace rategate::test {

__extension__ typedef __int128 Wide;

inline constexpr std::int64_t kNow = 1'795'000'000'000'000;

// When it is full again, in parts of a microsecond, `rate.permits` of them.
inline Wide full_of(const TokenBucket& bucket) {
  return Wide{bucket.full_us} * bucket.rate.permits + Wide{bucket.taken} * bucket.rate.us;
}

}  // namespace rategate::test
