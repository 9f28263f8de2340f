// A counter that lasts, whatever its algorithm: permits that were taken come back to it, evenly (a
// token bucket), or each of them a period after it was to be spent (a sliding window). Who counts
// in such ones calls these, and never asks which of the two it is. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "daemon/limit/sliding_log.hpp"
#include "daemon/limit/token_bucket.hpp"

namespace rategate {

using Bucket = std::variant<TokenBucket, SlidingLog>;

// What it holds, of `burst` at most; negative where it is in debt.
std::int64_t permits_in(const Bucket& bucket, std::int64_t burst, StoreTime now);
// When it is full again, rounded up; and rounded down.
StoreTime full_at(const Bucket& bucket);
StoreTime not_full_before(const Bucket& bucket);
// When so many fit.
StoreTime fits_at(const Bucket& bucket, std::int64_t burst, std::int64_t cost);
// What who was told of it says of it: sets `known` and `known_settled`, at the rate that is asked
// at.
void say_known(const Bucket& bucket, BucketAsked& asked);
// So many are taken of it; negative: they were not. Of a log it is not known when they come back.
void take(Bucket& bucket, std::int64_t permits);
std::int64_t expires_at_ms(const Bucket& bucket, StoreTime now, std::int64_t before_ms);

struct GrantOfBucket : BucketGiven {
  Bucket bucket{};  // after it
};
// What is stored is of the algorithm that is asked for.
GrantOfBucket grant_from(const std::optional<Bucket>& stored, const BucketAsked& asked,
                         const BucketAhead& ahead, const CostRuns& costs, StoreTime now,
                         std::span<const BookingAsked> bookings = {});

}  // namespace rategate
