#include "daemon/limit/reservation.hpp"

#include <algorithm>

namespace rategate {

bool is_answer_to(const CostRuns& costs, const ReserveAnswer& answer) {
  return std::equal(answer.granted.begin(), answer.granted.end(), costs.begin(), costs.end(),
                    [](std::int64_t granted, const CostRun& run) {
                      return granted >= 0 && granted <= run.count;
                    });
}

std::int64_t granted_permits(const CostRuns& costs, const ReserveAnswer& answer) {
  std::int64_t permits = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) permits += answer.granted[i] * costs[i].cost;
  return permits;
}

std::int64_t charged_permits(const CostRuns& costs, std::int64_t in_hand,
                             const ReserveAnswer& answer) {
  return std::max<std::int64_t>(0, granted_permits(costs, answer) - in_hand) + answer.leased;
}

std::int64_t charged_permits(const Reservation& reservation, const ReserveAnswer& answer) {
  const std::int64_t in_hand = reservation.bucket ? good_in_hand(reservation.bucket->hand_ends_ms,
                                                                 reservation.in_hand, answer.time)
                                                  : reservation.in_hand;
  return charged_permits(reservation.costs, in_hand, answer);
}

bool has_charged(const Reservation& reservation, const ReserveAnswer& answer) {
  return is_answer_to(reservation.costs, answer) && charged_permits(reservation, answer) > 0;
}

}  // namespace rategate
