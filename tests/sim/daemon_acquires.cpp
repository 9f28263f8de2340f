// Those that wait in ACQUIRE: how long, in which order they are served, and who goes away.
#include <algorithm>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

// For how long it waits: not for longer than what is left.
std::int64_t Daemon::acquire_us(const Ask& ask) {
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  const std::int64_t us =
      world_.random().any_size(1000, std::max<std::int64_t>(3000, 3000 * plan.period_ms));
  const std::int64_t rest_us = world_.end_us() - world_.events().now();
  return std::min({us, std::int64_t{10'000'000}, std::max<std::int64_t>(1000, rest_us)});
}

void Daemon::ask_in_line(int limit, int key, std::int64_t wait_us, std::uint32_t flow) {
  Ask ask = begin(limit, key, 1, flow);
  ask.waits_us = wait_us;
  wanted_ += ask.cost;
  wait_in_line(ask);
}

void Daemon::acquire(const Ask& asked) {
  Random& random = world_.random();
  Ask ask = asked;
  ask.waits_us = acquire_us(ask);
  const auto in_line = wait_in_line(ask);
  if (!in_line || !random.one_in(kGoOneIn)) return;
  world_.events().in(random.any_size(1, ask.waits_us), [this, in_line] {
    when_awake([this, in_line] { go_away(in_line->ticket, in_line->waiter); });
  });
}

// Nothing where it is answered at once.
std::optional<Daemon::InLine> Daemon::wait_in_line(const Ask& asked) {
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(asked.limit)];
  Ask ask = asked;
  const LimitUsePtr& use = table_.configured(plan.name);
  const std::uint64_t ticket = ++tickets_;
  const Mono patience = after(now(), ask.waits_us);
  ++asked_;
  const CheckResult result = driver_.gate().check(
      {use, world_.key(ask.limit, ask.key), ask.cost, ticket, ask.flow, {}, patience}, now());
  if (!result.waits) {
    ask.in_place = true;
    ++decided_at_once_;
    told(ask, result.verdict, result.decision);
    return std::nullopt;
  }
  waiting_.emplace(ticket, ask);
  acquiring_[{ask.limit, ask.key}].emplace(ticket, ask.cost);
  return InLine{ticket, result.waiter};
}

void Daemon::go_away(std::uint64_t ticket, WaiterId waiter) {
  const auto found = waiting_.find(ticket);
  if (!alive_ || found == waiting_.end()) return;
  acquiring_[{found->second.limit, found->second.key}].erase(ticket);
  waiting_.erase(found);
  ++answered_;
  driver_.gate().abandon(waiter);
  pump();
}

// Nobody is served before who came earlier, wants no more, and is served later. But of a limit that
// is spread each counter has a line; and who comes to be answered by policy may be overtaken.
void Daemon::acquired(std::uint64_t ticket, const Ask& ask, const Decision& decision) {
  auto& line = acquiring_[{ask.limit, ask.key}];
  line.erase(ticket);
  if (!decision.allowed || decision.reason != Reason::Counted) return;
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  const std::int64_t at = world_.events().now();
  if (!plan.bucket || decision.by == DecidedBy::Store) {
    if (overtaken_.erase(ticket) > 0) world_.checker().fail("somebody in ACQUIRE was overtaken");
    const bool one_line = plan.spread == 1 && world_.scenario().reloads == 0;
    for (auto one = line.begin(); one_line && one != line.lower_bound(ticket); ++one) {
      if (one->second <= ask.cost) overtaken_.insert(one->first);
    }
  }
  if (!plan.bucket || decision.by != DecidedBy::Store) return;
  const std::int64_t counted_at = window_time(ask, at);
  Checker::told_of_booking(id_, world_.account(ask.limit, ask.key, counted_at), ask.cost,
                           decision.receipt, counted_at);
}

}  // namespace rategate::sim
