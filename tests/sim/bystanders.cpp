#include "tests/sim/bystanders.hpp"

#include <string>

#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

// For what is under way, for what a clock may be off, and for a host that learns of it last.
constexpr std::int64_t kGraceUs = 2'000'000;

}  // namespace

void Bystanders::pumped(Daemon& daemon) {
  if (!were_up_.contains(&daemon) && daemon.is_up()) were_up_.insert(&daemon);
}

// Whether what its shard has lost of it is counted on, and nothing else has befallen anybody.
bool Bystanders::is_counted_on(Daemon& daemon, const Ask& ask, const std::string& counter) const {
  const Scenario& scenario = world_.scenario();
  const LimitPlan& limit = scenario.limits[static_cast<std::size_t>(ask.limit)];
  const bool undisturbed = scenario.failovers == 1 && scenario.moves == 0 && scenario.cut_offs == 0;
  if (limit.on_store_lost != OnStoreLost::Count || !undisturbed) return false;
  const Shard& shard = daemon.gate().shard(daemon.shard_of(counter));
  if (!shard.lost.any()) return false;
  return world_.events().now() >= shard.lost.all().told_by_us + kGraceUs;
}

void Bystanders::told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) {
  if (verdict != Verdict::Decided || decision.reason != Reason::StoreAway) return;
  // One that is spread is denied by the last of its shards.
  if (world_.scenario().limits[static_cast<std::size_t>(ask.limit)].spread > 1) return;
  const std::string counter = world_.counter(ask.limit, ask.key);
  if (is_counted_on(daemon, ask, counter)) {
    world_.checker().fail("daemon " + std::to_string(daemon.id()) + ": denied " + counter +
                          ", of which all had told");
  }
  if (!were_up_.contains(&daemon) || world_.cluster()->is_disturbed(daemon.id(), counter)) return;
  world_.checker().fail("daemon " + std::to_string(daemon.id()) + ": denied " + counter +
                        ", to whose shard nothing has happened");
}

}  // namespace rategate::sim
