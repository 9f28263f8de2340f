#include "daemon/limit/bucket_asked.hpp"

#include <algorithm>

#include "shm/bounds.h"

namespace rategate {

CostsGranted grant_costs(const CostRuns& costs, std::int64_t own, std::int64_t in_hand) {
  CostsGranted result;
  result.granted.reserve(costs.size());
  std::int64_t sum = 0;
  for (const CostRun& run : costs) {
    const std::int64_t left = std::max<std::int64_t>(0, own) + in_hand - sum;
    const std::int64_t fits = run.cost > 0 ? left / run.cost : own >= 0 ? run.count : 0;
    const std::int64_t granted = std::clamp<std::int64_t>(run.count, 0, fits);
    sum += granted * run.cost;
    result.refused = result.refused || granted < run.count;
    result.granted.push_back(granted);
  }
  result.charged = std::max<std::int64_t>(0, sum - in_hand);
  return result;
}

std::int64_t good_in_hand(std::int64_t ends_ms, std::int64_t in_hand, StoreTime now) {
  return now.us < ends_ms * 1000 ? std::clamp<std::int64_t>(in_hand, 0, RG_MAX_PERMITS) : 0;
}

}  // namespace rategate
