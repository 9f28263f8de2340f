#include "tests/sim/recounts.hpp"

#include <string>

#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

// For what is under way, and for what a clock may be off.
constexpr std::int64_t kGraceUs = 1'000'000;

}  // namespace

void Recounts::store_event(Daemon& daemon, const StoreEvent& event) {
  using What = StoreEvent::What;
  if (event.what == What::Up || event.what == What::WindowsLost) {
    up_since_us_[&daemon] = world_.events().now();
  } else if (event.what == What::Connecting || event.what == What::Away) {
    up_since_us_.erase(&daemon);
  }
}

void Recounts::told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) {
  if (verdict != Verdict::Decided || decision.reason != Reason::StoreAway) return;
  const LimitPlan& limit = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  const auto up = up_since_us_.find(&daemon);
  if (limit.on_store_lost == OnStoreLost::Deny || up == up_since_us_.end()) return;
  const std::int64_t now = world_.events().now();
  // One that was paused finds checks whose time is over.
  const bool in_time = now - ask.asked_us < world_.scenario().command_timeout_us * 9 / 10;
  if (daemon.was_paused() && !in_time) return;
  const std::int64_t settled = daemon.gate().shard({0}).lost.all().told_by_us;
  if (now < up->second + kGraceUs || now < settled + kGraceUs) return;
  world_.checker().fail("daemon " + std::to_string(daemon.id()) + ": denied " +
                        std::to_string((now - settled) / 1000) + " ms after a loss was settled");
}

}  // namespace rategate::sim
