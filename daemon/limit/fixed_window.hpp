// The fixed window: so many permits in each aligned window of the store's clock, on one counter.
// Its grant is the arithmetic of daemon/store/scripts/reserve.lua in C++: the memory store grants
// by it, and so does the simulation's model of Redis.
#pragma once

#include <cstdint>

#include "daemon/limit/algorithm.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

// Pure, and defined for all numbers. Costs are looked at in order; one that does not fit takes
// nothing, and smaller ones behind it may pass it. They are paid out of what the host has in hand,
// which the counter holds already, and then out of what the counter has left. The lease is what is
// wanted ahead of them: it gets a quarter of what the counter then has left at most, and nothing
// where a cost was refused, so that a refusal changes no counter. A counter above the limit, or
// below zero, has nothing left.
Grant grant_in_window(const GrantAsked& asked, const CostRuns& costs);

extern const Algorithm kFixedWindow;

}  // namespace rategate
