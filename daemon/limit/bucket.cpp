#include "daemon/limit/bucket.hpp"

#include <utility>

namespace rategate {
namespace {

template <class One>
std::optional<One> as(const std::optional<Bucket>& stored) {
  if (!stored || !std::holds_alternative<One>(*stored)) return std::nullopt;
  return std::get<One>(*stored);
}

template <class Grant>
GrantOfBucket of_any(Grant given) {
  GrantOfBucket result;
  static_cast<BucketGiven&>(result) = std::move(static_cast<BucketGiven&>(given));
  result.bucket = std::move(given.bucket);
  return result;
}

}  // namespace

std::int64_t permits_in(const Bucket& bucket, std::int64_t burst, StoreTime now) {
  return std::visit([&](const auto& one) { return permits_in(one, burst, now); }, bucket);
}

StoreTime full_at(const Bucket& bucket) {
  return std::visit([](const auto& one) { return full_at(one); }, bucket);
}

StoreTime not_full_before(const Bucket& bucket) {
  return std::visit([](const auto& one) { return not_full_before(one); }, bucket);
}

StoreTime fits_at(const Bucket& bucket, std::int64_t burst, std::int64_t cost) {
  return std::visit([&](const auto& one) { return fits_at(one, burst, cost); }, bucket);
}

void say_known(const Bucket& bucket, BucketAsked& asked) {
  if (const auto* const token = std::get_if<TokenBucket>(&bucket)) return say_known(*token, asked);
  asked.known = not_full_before(bucket);
  asked.known_settled = std::get<SlidingLog>(bucket).ever;
}

void take(Bucket& bucket, std::int64_t permits) {
  if (auto* const token = std::get_if<TokenBucket>(&bucket)) {
    token->taken += permits;
  } else {
    std::get<SlidingLog>(bucket).beside += permits;
  }
}

std::int64_t expires_at_ms(const Bucket& bucket, StoreTime now, std::int64_t before_ms) {
  return std::visit([&](const auto& one) { return expires_at_ms(one, now, before_ms); }, bucket);
}

GrantOfBucket grant_from(const std::optional<Bucket>& stored, const BucketAsked& asked,
                         const BucketAhead& ahead, const CostRuns& costs, StoreTime now,
                         std::span<const BookingAsked> bookings) {
  if (asked.log.none()) {
    return of_any(grant_from_bucket(as<TokenBucket>(stored), asked, ahead, costs, now, bookings));
  }
  return of_any(grant_from_log(as<SlidingLog>(stored), asked, ahead, costs, now, bookings));
}

}  // namespace rategate
