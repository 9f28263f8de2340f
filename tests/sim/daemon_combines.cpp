// Those that ask for several limits at once: each of them is held to what it promises.
#include <algorithm>
#include <utility>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr std::int64_t kMostMore = 3;
// So manieth of them is in ACQUIRE.
constexpr std::int64_t kWaitOneIn = 3;
// Where the store decides by one call some come together.
constexpr std::int64_t kAgainOneIn = 4;
constexpr std::int64_t kMostAgain = 5;

// Where a check is allowed although the store is away, nobody can say of which members it was paid.
bool may_be_member(const LimitPlan& plan) { return plan.on_store_down != OnStoreDown::Allow; }

// Those who ask for the same stand in one line.
std::vector<std::pair<int, int>> line_of(const std::vector<Ask>& asks) {
  std::vector<std::pair<int, int>> line;
  line.reserve(asks.size());
  for (const Ask& ask : asks) line.emplace_back(ask.limit, ask.key);
  return line;
}

}  // namespace

// False where the limit is none to be combined.
bool Daemon::combine(const Ask& first) {
  Random& random = world_.random();
  const auto& limits = world_.scenario().limits;
  if (!may_be_member(limits[static_cast<std::size_t>(first.limit)])) return false;
  std::vector<Ask> asks{first};
  const std::int64_t more = random.between(1, kMostMore);
  for (std::int64_t i = 0; i < more; ++i) {
    const int limit = static_cast<int>(random.below(static_cast<std::int64_t>(limits.size())));
    const LimitPlan& plan = limits[static_cast<std::size_t>(limit)];
    if (!may_be_member(plan)) continue;
    const int key = plan.keyed ? static_cast<int>(random.below(world_.scenario().keys)) : 0;
    const std::int64_t cost = random.between(1, world_.scenario().max_cost);
    wanted_ += cost;
    asks.push_back(begin(limit, key, cost, first.flow));
  }
  const bool again = world_.scenario().groups && random.one_in(kAgainOneIn);
  const std::int64_t times = again ? random.between(1, kMostAgain) : 0;
  combine_all(asks);
  for (std::int64_t i = 0; i < times; ++i) {
    std::vector<Ask> like;
    for (const Ask& ask : asks) {
      wanted_ += ask.cost;
      like.push_back(begin(ask.limit, ask.key, ask.cost, ask.flow));
    }
    combine_all(std::move(like));
  }
  return true;
}

// Asks for all of them in one decision.
void Daemon::combine_all(std::vector<Ask> asks) {
  Random& random = world_.random();
  CombinedRequest request;
  request.ticket = ++tickets_;
  request.flow = asks.front().flow;
  for (const Ask& ask : asks) {
    const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
    request.members.push_back({table_.configured(plan.name),
                               std::string(world_.key(ask.limit, ask.key)), ask.cost,
                               request.members.size()});
  }
  ++asked_;
  if (random.one_in(kWaitOneIn)) {
    const std::int64_t waits_us = acquire_us(asks.front());
    for (Ask& ask : asks) ask.waits_us = waits_us;
    request.patience = after(now(), waits_us);
  }
  const std::uint64_t ticket = request.ticket;
  const std::int64_t may_take_us =
      std::max(asks.front().waits_us, world_.scenario().command_timeout_us);
  const CheckResult result = driver_.gate().check_combined(std::move(request), now());
  if (!result.waits) {
    ++decided_at_once_;
    for (Ask& ask : asks) ask.in_place = true;
    combined_told(asks, result.verdict, result.decision);
    return;
  }
  if (asks.front().waits_us > 0) combined_lines_[line_of(asks)].insert(ticket);
  combining_.emplace(ticket, std::move(asks));
  if (!random.one_in(kGoOneIn)) return;
  const std::int64_t us = random.any_size(1, may_take_us);
  world_.events().in(us, [this, ticket, waiter = result.waiter] {
    when_awake([this, ticket, waiter] {
      const auto found = combining_.find(ticket);
      if (!alive_ || found == combining_.end()) return;
      leave_combined_line(ticket, found->second, nullptr);
      combining_.erase(found);
      ++answered_;
      driver_.gate().abandon(waiter);
      pump();
    });
  });
}

// Whether the answer is one of theirs.
bool Daemon::combined(std::uint64_t ticket, Verdict verdict, const Decision& decision) {
  const auto found = combining_.find(ticket);
  if (found == combining_.end()) return false;
  const std::vector<Ask> asks = std::move(found->second);
  combining_.erase(found);
  leave_combined_line(ticket, asks, verdict == Verdict::Decided ? &decision : nullptr);
  combined_told(asks, verdict, decision);
  return true;
}

// Nobody is served before who came earlier; unless by policy, or of limits that have changed since.
void Daemon::leave_combined_line(std::uint64_t ticket, const std::vector<Ask>& asks,
                                 const Decision* told) {
  if (asks.front().waits_us == 0) return;
  auto& line = combined_lines_[line_of(asks)];
  const bool served = told != nullptr && told->allowed && told->reason == Reason::Counted;
  if (served && world_.scenario().reloads == 0 && *line.begin() < ticket) {
    world_.checker().fail("somebody in ACQUIRE of several limits was overtaken");
  }
  line.erase(ticket);
}

void Daemon::combined_told(const std::vector<Ask>& asks, Verdict verdict,
                           const Decision& decision) {
  ++answered_;
  const std::int64_t at = world_.events().now();
  const std::int64_t took = at - asks.front().asked_us;
  if (took > asks.front().waits_us * 1001 / 1000 + answered_within_us()) {
    world_.checker().fail("a combined check was answered after " + std::to_string(took) + " us");
  }
  if (verdict != Verdict::Decided) return;
  if (decision.member >= asks.size()) return world_.checker().fail("nobody knows that member");
  if (!decision.allowed) return told_of(asks[decision.member], decision, at);
  for (const Ask& ask : asks) told_of(ask, decision, at);
}

}  // namespace rategate::sim
