#include "daemon/limit/group.hpp"

#include <algorithm>

#include "daemon/limit/algorithm.hpp"

namespace rategate {

std::size_t group_size(std::span<const Reservation> reservations) {
  const std::uint64_t group = reservations.front().group;
  std::size_t size = 1;
  while (group != 0 && size < reservations.size() && reservations[size].group == group) ++size;
  return size;
}

Reservation look_of(const Reservation& grouped) {
  Reservation look = grouped;
  look.costs = {{0, 1}};
  look.group = 0;
  return look;
}

Reservation of_checks(const Reservation& grouped, std::int64_t checks) {
  Reservation some = grouped;
  some.costs = {{grouped.costs.front().cost, checks}};
  some.group = 0;
  return some;
}

std::int64_t fitting_checks(const Reservation& grouped, const ReserveAnswer& looked) {
  if (looked.status != ReserveAnswer::Status::Looked) return 0;
  std::int64_t left = 0;
  if (grouped.bucket) {
    left = permits_in(looked.bucket, grouped.bucket->burst, looked.time);
  } else if (looked.counter >= grouped.known) {
    left = grouped.algorithm->standing(looked.counter, grouped.limit).left;
  }
  const CostRun& run = grouped.costs.front();
  return std::clamp<std::int64_t>(left / run.cost, 0, run.count);
}

void grant_nothing(ReserveAnswer& looked) {
  if (looked.status == ReserveAnswer::Status::Looked) looked.granted = {0};
}

}  // namespace rategate
