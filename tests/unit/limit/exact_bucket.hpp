// What tests of token buckets reckon with: whole numbers that lose nothing.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/limit/token_bucket.hpp"

namespace rategate::test {

__extension__ typedef __int128 Wide;

inline constexpr std::int64_t kNow = 1'795'000'000'000'000;

// When it is full again, in parts of a microsecond, `rate.permits` of them.
inline Wide full_of(const TokenBucket& bucket) {
  return Wide{bucket.full_us} * bucket.rate.permits + Wide{bucket.taken} * bucket.rate.us;
}

// When it is, after so many came back: whole ones that it lacks. Or, negative, after so many were
// charged without a test, unless that would be too late.
inline Wide full_after_back(Wide full, std::int64_t back, const FillRate& rate, StoreTime now) {
  const Wide at = Wide{now.us} * rate.permits;
  if (back > 0) return full - std::min<Wide>(back, (full - at) / rate.us) * rate.us;
  const Wide charged = full - Wide{back} * rate.us;
  return charged > at + Wide{kMostFillUs} * rate.permits ? full : charged;
}

}  // namespace rategate::test
