// The fixed window: so many permits in each aligned window of the store's clock, on one counter.
// Its grant is the arithmetic of daemon/store/scripts/reserve.lua in C++: the memory store grants
// by it, and so does the simulation's model of Redis.
#pragma once

#include <cstdint>

#include "daemon/limit/algorithm.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

// Pure, and defined for all numbers. Costs are looked at in order; one that does not fit takes
// nothing, and smaller ones behind it may pass it. The lease is what is wanted ahead of them, and
// gets a quarter of what they leave at most. A counter above the limit, or below zero, has nothing
// left.
Grant grant_in_window(std::int64_t counter, std::int64_t limit, const CostRuns& costs,
                      std::int64_t lease);

extern const Algorithm kFixedWindow;

}  // namespace rategate
