// What is wrong with limits beside each other, and in the store that they are counted in.
#pragma once

#include <vector>

#include "daemon/config/limits.hpp"

namespace rategate {

// A limit that is spread needs a cluster, and permits for each of its counters.
void check_spread(const PlacedLimits&, bool in_cluster, std::vector<Fault>&);

// In a Redis Cluster all windows of a counter have to be in one slot.
void check_slots(const PlacedLimits&, std::vector<Fault>&);

// Limits that meet in one counter must have one period, or their windows would be mixed up.
void check_shared_counters(const PlacedLimits&, std::vector<Fault>&);

}  // namespace rategate
