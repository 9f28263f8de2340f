#include "tests/sim/weighted.hpp"

#include <algorithm>

#include "tests/sim/process.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

Weighted::Weighted(World& world) : world_(world) {
  if (world.scenario().hosts == 1) world.checker().one_host();
}

bool Weighted::plan() {
  std::uint64_t number = world_.scenario().seed << 8;
  world_.each_process([&](Process& process) { next_check(process, Random(++number)); });
  return true;
}

void Weighted::next_check(Process& process, Random arrivals) {
  const Scenario& scenario = world_.scenario();
  const std::int64_t at = world_.events().now() + 1 + arrivals.below(2 * scenario.gap_us);
  if (at >= world_.end_us()) return;
  const std::int64_t permits = scenario.limits[0].permits;
  const bool single = arrivals.percent(scenario.single_percent);
  const std::int64_t cost =
      single ? 1 : std::max<std::int64_t>(1, permits * arrivals.between(50, 400) / 1000);
  world_.events().at(at, [this, &process, arrivals, cost] {
    world_.count_check();
    next_check(process, arrivals);
    process.check(0, 0, cost);
  });
}

}  // namespace rategate::sim
