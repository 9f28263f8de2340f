// Limits that somebody lets begin anew for a key.
#include <utility>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

void Daemon::clear(int limit, int key) {
  const LimitUsePtr& use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(limit)].name);
  clearing_.emplace(++tickets_, world_.events().now());
  driver_.gate().clear({use, world_.key(limit, key), tickets_}, now());
}

// Each has one answer, when a check would have had it.
void Daemon::hand_out_cleared() {
  for (const Cleared& cleared : std::exchange(driver_.gate().cleared(), {})) {
    const auto found = clearing_.find(cleared.ticket);
    if (found == clearing_.end()) return world_.checker().fail("a CLEAR was answered twice");
    const std::int64_t took = world_.events().now() - found->second;
    clearing_.erase(found);
    if (took > answered_within_us()) {
      world_.checker().fail("a CLEAR was answered after " + std::to_string(took) + " us");
    }
  }
}

}  // namespace rategate::sim
