#include "daemon/limit/reservation.hpp"

#include <algorithm>

namespace rategate {

bool is_answer_to(const CostRuns& costs, std::span<const BookingAsked> bookings,
                  const ReserveAnswer& answer) {
  return std::equal(answer.granted.begin(), answer.granted.end(), costs.begin(), costs.end(),
                    [](std::int64_t granted, const CostRun& run) {
                      return granted >= 0 && granted <= run.count;
                    }) &&
         std::equal(answer.booked.begin(), answer.booked.end(), bookings.begin(), bookings.end(),
                    [&](StoreTime at, const BookingAsked& asked) {
                      return at.us == 0 || at == answer.time ||
                             (at > answer.time && at <= asked.until);
                    });
}

bool refuses_some(const CostRuns& costs, const ReserveAnswer& answer) {
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (costs[i].cost > 0 && answer.granted[i] < costs[i].count) return true;
  }
  return false;
}

std::int64_t granted_permits(const CostRuns& costs, const ReserveAnswer& answer) {
  std::int64_t permits = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) permits += answer.granted[i] * costs[i].cost;
  return permits;
}

std::int64_t booked_permits(std::span<const BookingAsked> bookings, const ReserveAnswer& answer) {
  std::int64_t permits = 0;
  for (std::size_t i = 0; i < bookings.size(); ++i) {
    if (answer.booked[i].us > 0) permits += bookings[i].cost;
  }
  return permits;
}

std::int64_t charged_permits(const CostRuns& costs, std::span<const BookingAsked> bookings,
                             std::int64_t in_hand, const ReserveAnswer& answer) {
  return std::max<std::int64_t>(0, granted_permits(costs, answer) - in_hand) + answer.leased +
         booked_permits(bookings, answer);
}

std::int64_t charged_permits(const Reservation& reservation, const ReserveAnswer& answer) {
  const std::int64_t in_hand = reservation.bucket ? good_in_hand(reservation.bucket->hand_ends_ms,
                                                                 reservation.in_hand, answer.time)
                                                  : reservation.in_hand;
  return charged_permits(reservation.costs, reservation.bookings, in_hand, answer);
}

Reservation reservation_of(const Release& release) {
  Reservation nothing;
  nothing.counter = release.counter;
  nothing.window = kBucketWindow;
  nothing.algorithm = &kTokenBucket;
  BucketAsked asked = release.bucket.value_or(BucketAsked{});
  asked.back = release.permits;
  nothing.bucket = asked;
  return nothing;
}

Reservation reservation_of(const Clear& clear) {
  Reservation all = reservation_of(Release{clear.counter, kAllOfBucket, 0, clear.bucket});
  if (!clear.block.empty()) all.block = BlockAsked{clear.block, 0};
  return all;
}

bool has_charged(const Reservation& reservation, const ReserveAnswer& answer) {
  return is_answer_to(reservation.costs, reservation.bookings, answer) &&
         charged_permits(reservation, answer) > 0;
}

}  // namespace rategate
