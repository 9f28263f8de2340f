#include "tests/sim/run.hpp"

#include "tests/sim/turns.hpp"

namespace rategate::sim {

std::string run_schedule(const Scenario& scenario, World::Totals* totals) {
  if (scenario.kind == Kind::Unfair) {
    Turns turns(scenario);
    std::string failure = turns.run();
    if (totals != nullptr) totals->events = turns.handled();
    return failure;
  }
  World world(scenario);
  std::string failure = world.run();
  if (totals != nullptr) *totals = world.totals();
  return failure;
}

}  // namespace rategate::sim
