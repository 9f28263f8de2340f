#include "daemon/limit/fixed_window.hpp"

#include <algorithm>
#include <limits>

#include "shm/bounds.h"

namespace rategate {

Grant grant_in_window(const GrantAsked& asked, const CostRuns& costs) {
  // Callers of the recipe, and hosts with a larger limit, push the counter above this limit; one
  // below zero was tampered with.
  const bool has_some = asked.counter >= 0 && asked.counter < asked.limit;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() - RG_MAX_PERMITS;
  const std::int64_t own = has_some ? std::min(asked.limit - asked.counter, kMost) : 0;
  const std::int64_t in_hand = std::clamp<std::int64_t>(asked.in_hand, 0, RG_MAX_PERMITS);
  std::int64_t sum = 0;
  bool refused = false;

  Grant result;
  result.granted.reserve(costs.size());
  for (const CostRun& run : costs) {
    // A cost of 0 takes nothing: who asks only looks.
    const std::int64_t nothing_taken = run.cost == 0 ? RG_MAX_PERMITS : 0;
    const std::int64_t fits = run.cost > 0 ? (own + in_hand - sum) / run.cost : nothing_taken;
    const std::int64_t granted = std::clamp<std::int64_t>(run.count, 0, fits);
    sum += granted * run.cost;
    refused = refused || granted < run.count;
    result.granted.push_back(granted);
  }
  result.total = std::max<std::int64_t>(0, sum - in_hand);
  // Never all that is left: there are other hosts. So it tapers to exactly what is queued.
  if (!refused) {
    result.leased = std::clamp<std::int64_t>(asked.lease, 0, (own - result.total) / 4);
  }
  result.total += result.leased;
  return result;
}

namespace {

Standing standing(std::int64_t counter, std::int64_t limit) {
  if (counter >= limit) return {0, true};
  return {counter < 0 ? 0 : limit - counter, false};  // nothing is granted from one below zero
}

}  // namespace

const Algorithm kFixedWindow = {"fixed-window", true, place, standing, grant_in_window};

}  // namespace rategate
