// Limits that have rules for keys: by which of them a check is decided. A key's counter knows it,
// so that the rules are gone through once for each counter; those of blocked and unlimited keys
// count nothing, and are there for that alone.
#include <algorithm>

#include "daemon/core/gate.hpp"

namespace rategate {

// Of a limit that is spread the first counter knows it.
CounterId Gate::knowing_counter(const Request& request, Mono now) {
  const LimitUse& named = *request.limit;
  return counter_of({named.subs.empty() ? request.limit : named.subs.front(), request.key}, now);
}

CheckResult Gate::decide_by_key(const Request& request, Mono now) {
  const CounterId id = knowing_counter(request, now);
  LimitUse& use = *counters_[id].use;
  CheckResult result;
  if (use.limit->kind != KeyRuleKind::Limited) {
    result = Decider::by_rule(use);
    result.by_rule = &use;
    if (!result.decision.allowed && request.ask.takes) show_block(id, now);
    return result;
  }
  const LimitUsePtr spread = use.is_sub() ? use.spread_of.lock() : nullptr;
  LimitUse& whole = spread != nullptr ? *spread : use;
  if (request.ask.cost > whole.most_cost) {
    result = Decider::never_fits(whole, shards_.front(), now);
  } else if (spread != nullptr) {
    result = check_spread(request.of(spread), now);
  } else {
    result = check_counted(id, request, now);
  }
  result.by_rule = &whole;
  return result;
}

// Clients that share memory deny by themselves for a while.
void Gate::show_block(CounterId id, Mono now) {
  const Counter& counter = counters_[id];
  if (counter.use->limit->kind == KeyRuleKind::Blocked) {
    return keeper_.ban(id, StoreTime{INT64_MAX}, kNever, now);
  }
  const KnownBlock* const known = decider_.block_of(counter, now);
  if (known != nullptr) {
    keeper_.ban(id, known->until, std::min(known->ends, known->believe_until), now);
  }
}

std::int64_t Gate::repeat(const Request& request, const Decision& decided, std::int64_t count,
                          Mono now) {
  if (stopping_ || request.limit->by_key == nullptr) {
    return repeat_counted(request, decided, count, now);
  }
  LimitUse& use = *counters_[knowing_counter(request, now)].use;
  if (use.limit->kind != KeyRuleKind::Limited) {
    decider_.repeated(use, decided, request.ask.cost, count);
    return count;
  }
  const LimitUsePtr spread = use.spread_of.lock();
  const LimitUsePtr counted = spread != nullptr ? spread : use.shared_from_this();
  return repeat_counted({counted, request.key, request.ask}, decided, count, now);
}

}  // namespace rategate
