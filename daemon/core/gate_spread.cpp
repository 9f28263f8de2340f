// Limits that are spread over several counters: to which of them a check goes.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "daemon/core/gate.hpp"
#include "daemon/limit/spread.hpp"

namespace rategate {

// Of those that are not tried yet: the first that may pay the request, as far as is known here.
// Where nobody is known to have anything, but somebody is not known to have nothing, one of these:
// whose shard is away, another one each time, so that the policy for that decides; or whose window
// is lost. Null where all are used up.
const LimitUsePtr* Gate::find_sub(const LimitUse& spread, std::uint32_t tried,
                                  const Request& request, Mono now) {
  std::array<const LimitUsePtr*, kMostSpread> away;
  std::size_t count = 0;
  const LimitUsePtr* lost = nullptr;
  for (const LimitUsePtr& sub : spread.subs) {
    if ((tried >> sub->sub & 1) != 0) continue;
    const Counter& counter = counters_[counter_of({sub, request.key, request.ask}, now)];
    const Shard& shard = shards_[counter.shard.value];
    const Placed placed = shard.place(*sub, now);
    if (placed.open) {
      const WindowState state = decider_.state_of(counter, placed.window, now);
      if (Reserver::pays(counter, state, placed.window, request.ask.cost)) return &sub;
      if (reserver_.denies(counter, state, placed.window, request.ask.cost, now)) {
        if (!has_counted(state)) lost = &sub;
        continue;
      }
    }
    if (!shard.health.is_away() && now >= sub->refused_until) return &sub;
    away[count++] = &sub;
  }
  return count > 0 ? away[stats_.checks % count] : lost;
}

// The last one denies where all are used up.
const LimitUsePtr& Gate::sub_or_last(const Request& request, Mono now) {
  const LimitUse& spread = *request.limit;
  const LimitUsePtr* const found = find_sub(spread, 0, request, now);
  return found != nullptr ? *found : spread.subs.back();
}

// When the window began in which the first of them is, or will begin that is the next to open; 0
// where that cannot be told.
std::int64_t Gate::first_start_ms(const LimitUse& spread, std::string_view key, Mono now) {
  const LimitUsePtr& first = spread.subs.front();
  const Counter& counter = counters_[counter_of({first, key}, now)];
  return shards_[counter.shard.value].place(*first, now).window.start_ms;
}

// What waits knows when it began to, so that it may go through all of them again in another window.
CheckResult Gate::check_spread(const Request& request, Mono now) {
  const LimitUsePtr& sub = sub_or_last(request, now);
  const Request of_sub = request.of(sub);
  const CheckResult result = check_counted(counter_of(of_sub, now), of_sub, now);
  Waiter* const waiter = result.waits ? room_.waiters().find(result.waiter) : nullptr;
  if (waiter != nullptr) waiter->round_ms = first_start_ms(*request.limit, request.key, now);
  go_on(now);
  return result;
}

// In another window all of them may pay again.
const LimitUsePtr* Gate::next_sub(Waiter& waiter, const LimitUse& spread, const Request& request,
                                  Mono now) {
  waiter.tried |= std::uint32_t{1} << counters_[waiter.counter].use->sub;
  const std::int64_t start_ms = first_start_ms(spread, request.key, now);
  if (start_ms > waiter.round_ms) {
    waiter.tried = 0;
    waiter.passed_unknown = false;
  }
  waiter.round_ms = std::max(waiter.round_ms, start_ms);
  return find_sub(spread, waiter.tried, request, now);
}

// It may take long until that shard answers, and who waits there may be served elsewhere.
void Gate::leave_shard(ShardId id, Mono now) {
  std::vector<CounterId> from;
  counters_.each_line([&](CounterId counter, const Line& line) {
    const Counter& waited_for = counters_[counter];
    if (waited_for.shard == id && waited_for.use->is_sub() && !line.due.empty()) {
      from.push_back(counter);
    }
  });
  for (const CounterId counter : from) leave_line(counter, now);
  pass_on(now);
}

// Those whose shards cannot be asked now, of all where they are by now.
std::uint32_t Gate::subs_down(const LimitUse& spread, std::string_view key, Mono now) {
  std::uint32_t down = 0;
  for (const LimitUsePtr& sub : spread.subs) {
    const Counter& counter = counters_[counter_of({sub, key}, now)];
    if (!shard(counter.shard).health.is_up()) down |= std::uint32_t{1} << sub->sub;
  }
  return down;
}

// It has denied nobody: who finds nothing elsewhere may come back.
void Gate::leave_line(CounterId from, Mono now) {
  const Counter& counter = counters_[from];
  const LimitUsePtr spread = counter.use->spread_of.lock();
  if (spread == nullptr) return;
  const ShardId shard_before = counter.shard;
  const std::string key(counter.key.view());
  const std::uint32_t down = subs_down(*spread, key, now);
  const Line* const line = counters_.line(counter);
  if (counter.shard != shard_before || line == nullptr) return;
  for (WaiterPlace at = line->due.first; !at.is_none();) {
    const Waiter& waiter = room_.waiters()[at];
    const WaiterPlace place = std::exchange(at, waiter.next);
    const Request request{spread, key, waiter.ask};
    const std::uint32_t tried = waiter.tried | down | std::uint32_t{1} << counter.use->sub;
    const LimitUsePtr* const sub = find_sub(*spread, tried, request, now);
    if (sub == nullptr) continue;
    reserver_.go_elsewhere(place, counter_of({*sub, key, waiter.ask}, now), now);
  }
}

// Each goes to one where it was not yet, or into a later window, so that this ends.
void Gate::go_on(Mono now) {
  for (WaiterPlace place = reserver_.going_on(); !place.is_none(); place = reserver_.going_on()) {
    Waiter& waiter = room_.waiters()[place];
    const LimitUsePtr spread = counters_[waiter.counter].use->spread_of.lock();
    const std::string key(counters_[waiter.counter].key.view());
    const Request request{spread, key, waiter.ask};
    const LimitUsePtr* const sub =
        spread != nullptr ? next_sub(waiter, *spread, request, now) : nullptr;
    if (sub == nullptr) {
      reserver_.deny_going_on(place, now);
      continue;
    }
    reserver_.go_on(place, counter_of({*sub, key, waiter.ask}, now), now);
    passed_on_ = true;
  }
}

void Gate::pass_on(Mono now) {
  go_on(now);
  hear_members(now);
}

}  // namespace rategate
