// What is told of keys that are blocked after a denial.
#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

void Daemon::judge_block(const Ask& ask, const Decision& decision) {
  const Scenario& scenario = world_.scenario();
  if (!scenario.blocks) return;
  const LimitPlan& plan = scenario.limits[static_cast<std::size_t>(ask.limit)];
  const LimitUsePtr use = table_.configured(plan.name);
  world_.checker().told(id_, use->names.block_of(world_.key(ask.limit, ask.key)), decision);
}

}  // namespace rategate::sim
