// What those who took say later: that they used less, or more.
#include <algorithm>

#include "daemon/limit/receipt.hpp"
#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {

// Most of them while their permits may come back; some use more than they took.
void Daemon::settle_later(const Ask& ask, std::int64_t receipt, std::int64_t told_us) {
  Random& random = world_.random();
  const std::int64_t used =
      random.one_in(4) ? ask.cost + random.below(4) : random.below(ask.cost + 1);
  const std::int64_t period_us =
      1000 * world_.scenario().limits[static_cast<std::size_t>(ask.limit)].period_ms;
  const std::int64_t us = random.any_size(1, std::max<std::int64_t>(2, period_us));
  world_.events().in(us, [this, ask, used, receipt, told_us] {
    when_awake([this, ask, used, receipt, told_us] {
      if (!alive_) return;
      settle(ask, used, receipt, told_us);
      pump();
    });
  });
}

void Daemon::client_took(int limit, int key, std::int64_t cost, std::int64_t end_ms,
                         std::int64_t read_us) {
  if (!world_.scenario().settles || decided_by_clients_ % kSettleOneIn != 0) return;
  Ask ask{limit, key, cost, 0, 0, {}, read_us};
  settle_later(ask, end_ms, world_.events().now());
}

void Daemon::settle(const Ask& ask, std::int64_t used, std::int64_t receipt, std::int64_t told_us) {
  const LimitUsePtr& use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(ask.limit)].name);
  Gate& gate = driver_.gate();
  const std::int64_t at = world_.events().now();
  const std::int64_t counted_at = window_time(ask, at);
  Checker::Account& account = world_.account(ask.limit, ask.key, counted_at);
  const std::int64_t spent = gate.books().totals().spent;
  const std::int64_t back =
      gate.settle({use, world_.key(ask.limit, ask.key), ask.cost, used, receipt}, now());
  if (back > std::max<std::int64_t>(0, ask.cost - used) ||
      (back < 0 && -back != used - ask.cost && gate.books().totals().spent - spent != -back)) {
    world_.checker().fail("settled " + std::to_string(back) + " of " + std::to_string(ask.cost) +
                          " of which " + std::to_string(used) + " were used");
  }
  if (back > 0) return took_back(ask, back, receipt, told_us);
  // What the host held has paid for it; the rest the store is told of.
  const std::int64_t paid = gate.books().totals().spent - spent;
  if (paid == 0) return;
  world_.checker().spent(id_, account, paid, false, counted_at);
  Checker::spent_of_leases(id_, account, paid, at);
}

void Daemon::took_back(const Ask& ask, std::int64_t back, std::int64_t receipt,
                       std::int64_t told_us) {
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  const std::int64_t until_us = 1000 * Receipt::of(receipt, plan.spread > 1).until_ms;
  Checker::Account& account = world_.account(ask.limit, ask.key, until_us - 1);
  world_.checker().taken_back(id_, account, back, told_us);
  if (!account.bucket) return;
  account.bucket->used_less(ask.cost, ask.asked_us, told_us, back);
  if (!world_.scenario().settles_in_store) account.bucket->came_back_to_slice(id_, back, until_us);
}

}  // namespace rategate::sim
