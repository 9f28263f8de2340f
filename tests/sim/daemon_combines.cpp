// Those that ask for several limits at once: each of them is held to what it promises.
#include <algorithm>
#include <utility>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr std::int64_t kMostMore = 3;

// Where a check is allowed although the store is away, nobody can say of which members it was paid.
bool may_be_member(const LimitPlan& plan) { return plan.on_store_down != OnStoreDown::Allow; }

}  // namespace

// False where the limit is none to be combined.
bool Daemon::combine(const Ask& first) {
  Random& random = world_.random();
  const auto& limits = world_.scenario().limits;
  if (!may_be_member(limits[static_cast<std::size_t>(first.limit)])) return false;
  std::vector<Ask> asks;
  CombinedRequest request;
  request.ticket = ++tickets_;
  request.flow = first.flow;
  add_member(asks, request.members, first);
  const std::int64_t more = random.between(1, kMostMore);
  for (std::int64_t i = 0; i < more; ++i) {
    const int limit = static_cast<int>(random.below(static_cast<std::int64_t>(limits.size())));
    const LimitPlan& plan = limits[static_cast<std::size_t>(limit)];
    if (!may_be_member(plan)) continue;
    const int key = plan.keyed ? static_cast<int>(random.below(world_.scenario().keys)) : 0;
    const std::int64_t cost = random.between(1, world_.scenario().max_cost);
    wanted_ += cost;
    add_member(asks, request.members, begin(limit, key, cost, first.flow));
  }
  ++asked_;
  const std::uint64_t ticket = request.ticket;
  const CheckResult result = driver_.gate().check_combined(std::move(request), now());
  if (!result.waits) {
    ++decided_at_once_;
    for (Ask& ask : asks) ask.in_place = true;
    combined_told(asks, result.verdict, result.decision);
    return true;
  }
  combining_.emplace(ticket, std::move(asks));
  if (!random.one_in(kGoOneIn)) return true;
  const std::int64_t us = random.any_size(1, world_.scenario().command_timeout_us);
  world_.events().in(us, [this, ticket, waiter = result.waiter] {
    when_awake([this, ticket, waiter] {
      if (!alive_ || combining_.erase(ticket) == 0) return;
      ++answered_;
      driver_.gate().abandon(waiter);
      pump();
    });
  });
  return true;
}

void Daemon::add_member(std::vector<Ask>& asks, Members& members, const Ask& ask) {
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  members.push_back({table_.configured(plan.name), std::string(world_.key(ask.limit, ask.key)),
                     ask.cost, asks.size()});
  asks.push_back(ask);
}

// Whether the answer is one of theirs.
bool Daemon::combined(std::uint64_t ticket, Verdict verdict, const Decision& decision) {
  const auto found = combining_.find(ticket);
  if (found == combining_.end()) return false;
  const std::vector<Ask> asks = std::move(found->second);
  combining_.erase(found);
  combined_told(asks, verdict, decision);
  return true;
}

void Daemon::combined_told(const std::vector<Ask>& asks, Verdict verdict,
                           const Decision& decision) {
  ++answered_;
  const std::int64_t at = world_.events().now();
  const std::int64_t took = at - asks.front().asked_us;
  if (took > answered_within_us()) {
    world_.checker().fail("a combined check was answered after " + std::to_string(took) + " us");
  }
  if (verdict != Verdict::Decided) return;
  if (decision.member >= asks.size()) return world_.checker().fail("nobody knows that member");
  if (!decision.allowed) return told_of(asks[decision.member], decision, at);
  for (const Ask& ask : asks) told_of(ask, decision, at);
}

}  // namespace rategate::sim
