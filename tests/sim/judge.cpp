#include "tests/sim/judge.hpp"

#include "tests/sim/bystanders.hpp"
#include "tests/sim/fleet.hpp"
#include "tests/sim/overload.hpp"
#include "tests/sim/recounts.hpp"
#include "tests/sim/refusals.hpp"
#include "tests/sim/weighted.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

std::unique_ptr<Judge> judge_for(World& world) {
  switch (world.scenario().kind) {
    case Kind::Overload:
      return std::make_unique<Overload>(world);
    case Kind::Refusals:
      return std::make_unique<Refusals>(world);
    case Kind::Recount:
      return std::make_unique<Recounts>(world);
    case Kind::Cluster:
      return std::make_unique<Bystanders>(world);
    case Kind::Fleet:
      return std::make_unique<Fleet>(world);
    case Kind::Weighted:
      return std::make_unique<Weighted>(world);
    default:
      return std::make_unique<Judge>();
  }
}

}  // namespace rategate::sim
