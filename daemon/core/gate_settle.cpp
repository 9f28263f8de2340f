// What was used of permits that a check took: docs/settling.md.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "daemon/core/gate.hpp"
#include "daemon/limit/receipt.hpp"

namespace rategate {

std::int64_t Gate::settle(const Settlement& settlement, Mono now) {
  if (stopping_) return 0;
  const std::int64_t back = take_back(settlement, Settler::Whose::Takers, now);
  pass_on(now);
  return back;
}

// The receipt is the end of one of the windows, in which all others were open. What was used beyond
// what was taken is charged now, whatever the receipt says, and so to all of them.
std::int64_t Gate::settle_combined(const Members& members, const Settlement& of_all, Mono now) {
  if (stopping_) return 0;
  const StoreTime inside{of_all.receipt * 1000 - 1};
  std::optional<std::int64_t> least;
  for (const Member& member : members) {
    const Limit& limit = *member.limit->limit;
    const bool is_named = limit.algorithm->has_windows && member.limit->subs.empty();
    if (!is_named && of_all.used <= of_all.took) continue;
    if (limit.shadow) continue;  // nobody knows whether it has paid
    const std::int64_t end_ms = is_named ? member.limit->place({inside, inside}).window.end_ms : 0;
    const std::int64_t back = take_back(
        {member.limit, member.key, of_all.took, of_all.used, end_ms}, Settler::Whose::Takers, now);
    if (!least || std::abs(back) < std::abs(*least)) least = back;
  }
  pass_on(now);
  return least.value_or(0);
}

std::int64_t Gate::take_back(const Settlement& settlement, Settler::Whose whose, Mono now) {
  const LimitUse& use = *settlement.limit;
  const Receipt receipt = Receipt::of(settlement.receipt, !use.subs.empty());
  if (receipt.sub >= std::max<std::size_t>(1, use.subs.size())) return 0;
  const LimitUsePtr& counted = use.subs.empty() ? settlement.limit : use.subs[receipt.sub];
  const CounterId id = counter_of({counted, settlement.key}, now);
  if (counters_[id].use->limit->kind != KeyRuleKind::Limited) return 0;
  const std::int64_t unused = settlement.took - settlement.used;
  const std::int64_t back = unused >= 0
                                ? settler_.give_back(id, receipt.until_ms, unused, whose, now)
                                : -settler_.charge(id, -unused, now);
  // Who waits may be paid by what came back.
  if (back > 0) reserver_.serve(id, now);
  return back;
}

}  // namespace rategate
