#include "tests/sim/bystanders.hpp"

#include <string>

#include "tests/sim/world.hpp"

namespace rategate::sim {

void Bystanders::pumped(Daemon& daemon) {
  if (!were_up_.contains(&daemon) && daemon.is_up()) were_up_.insert(&daemon);
}

void Bystanders::told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) {
  if (verdict != Verdict::Decided || decision.reason != Reason::StoreAway) return;
  const std::string counter = world_.counter(ask.limit, ask.key);
  if (!were_up_.contains(&daemon) || world_.cluster()->is_disturbed(daemon.id(), counter)) return;
  world_.checker().fail("daemon " + std::to_string(daemon.id()) + ": denied " + counter +
                        ", to whose shard nothing has happened");
}

}  // namespace rategate::sim
