#include "daemon/limit/fixed_window.hpp"

#include <algorithm>

namespace rategate {

Grant grant_in_window(std::int64_t counter, std::int64_t limit, const CostRuns& costs,
                      std::int64_t lease) {
  // Callers of the recipe, and hosts with a larger limit, push the counter above this limit; one
  // below zero was tampered with.
  const bool has_some = counter >= 0 && counter < limit;
  std::int64_t left = has_some ? limit - counter : 0;

  Grant result;
  result.granted.reserve(costs.size());
  for (const CostRun& run : costs) {
    const std::int64_t granted =
        run.cost > 0 && run.count > 0 ? std::min(run.count, left / run.cost) : 0;
    left -= granted * run.cost;
    result.total += granted * run.cost;
    result.granted.push_back(granted);
  }
  // Never all that is left: there are other hosts. So it tapers to exactly what is queued.
  result.leased = std::max<std::int64_t>(0, std::min(lease, left / 4));
  result.total += result.leased;
  return result;
}

namespace {

Standing standing(std::int64_t counter, std::int64_t limit) {
  if (counter >= limit) return {0, true};
  return {counter <= 0 ? limit : limit - counter, false};
}

}  // namespace

const Algorithm kFixedWindow = {"fixed-window", true, place, standing, grant_in_window};

}  // namespace rategate
