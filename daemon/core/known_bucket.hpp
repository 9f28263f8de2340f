// What this host knows of a counter that is a bucket.
#pragma once

#include "daemon/base/time.hpp"
#include "daemon/core/lease_loss.hpp"
#include "daemon/core/spent_lately.hpp"
#include "daemon/limit/bucket.hpp"

namespace rategate {

struct KnownBucket {
  Bucket bucket;  // as the store told it last, which has no more in it than that
  Mono told;
  StoreTime told_at;  // the store's moment of it, which is past
  // It had next to nothing left, and is not asked before: see pause_us().
  StoreTime paused_until;
  LeaseLoss loss;     // of what was leased of it
  SpentLately spent;  // by checks, and may be given back to the store
  StoreTime cleared;  // by this host, the last time; 0: never
};
// By then the store is asked again, though nothing fits by what is known: somebody may have given
// permits back.
inline constexpr std::int64_t kBucketBelievedUs = 2'000'000;

}  // namespace rategate
