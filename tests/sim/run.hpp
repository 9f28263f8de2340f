// Runs one schedule of any kind.
#pragma once

#include <string>

#include "tests/sim/scenario.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

// What was not true of it, or "". `totals` may be null.
std::string run_schedule(const Scenario& scenario, World::Totals* totals);

}  // namespace rategate::sim
