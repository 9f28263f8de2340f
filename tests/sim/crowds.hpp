// Schedules of kinds that have a crowd of their own, each drawn from its seed: who asks, for what,
// and what befalls them.
#pragma once

#include <cstdint>

#include "tests/sim/random.hpp"
#include "tests/sim/scenario.hpp"

namespace rategate::sim {

Scenario overload_of(std::uint64_t seed, Random& random);
Scenario refusals_of(std::uint64_t seed, Random& random);
Scenario weighted_of(std::uint64_t seed, Random& random);
Scenario failover_of(std::uint64_t seed, Random& random);
Scenario recount_of(std::uint64_t seed, Random& random);
Scenario cluster_of(std::uint64_t seed, Random& random);
Scenario bucket_of(std::uint64_t seed, Random& random);
Scenario log_of(std::uint64_t seed, Random& random);

}  // namespace rategate::sim
