#include "daemon/limit/reservation.hpp"

#include <algorithm>

namespace rategate {

bool is_answer_to(const CostRuns& costs, const ReserveAnswer& answer) {
  return std::equal(answer.granted.begin(), answer.granted.end(), costs.begin(), costs.end(),
                    [](std::int64_t granted, const CostRun& run) {
                      return granted >= 0 && granted <= run.count;
                    });
}

}  // namespace rategate
