// What led to the decision of a check that takes nothing: read off what the gate knows once that is
// made, by what made it. Nothing is asked of the store for it, and nothing is decided here.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "daemon/core/explanation.hpp"
#include "daemon/core/gate.hpp"

namespace rategate {
namespace {

StoreState store_state_of(const Shard& shard, ShardId id, const LimitUse& use, Mono now) {
  if (is_nowhere(id)) return StoreState::Nowhere;
  if (shard.health.is_away()) return StoreState::Away;
  if (!shard.health.is_up()) return StoreState::Connecting;
  return now < use.refused_until ? StoreState::Refuses : StoreState::Up;
}

ClockState clock_state_of(const Shard& shard, const Limit& limit, Mono now) {
  if (!shard.clock.read(now)) return ClockState::Unknown;
  return shard.usable(limit, now) ? ClockState::Good : ClockState::Vague;
}

void explain_window(const Counter& counter, const Placed& placed, ExplainedCounter& told) {
  const Window& window = placed.window;
  const Pool& pool = counter.pool;
  told.name = counter.use->names.of(counter.key.view(), window.start_ms);
  told.window = window;
  if (!placed.open) told.opens_in_ms = (placed.opens_in_us + 999) / 1000;
  const std::int64_t left = pool.left(window, Decision::kUnknown);
  if (left != Decision::kUnknown) told.left = left;
  const std::int64_t held = pool.held(window);
  told.kept = pool.slot().is_none() ? held : pool.stock(window);
  told.shown = held - told.kept;
  told.ahead = pool.held(counter.use->next_after(window));
  if (held > 0) told.held_first_end_ms = told.held_last_end_ms = window.end_ms;
}

// Of a bucket or log, in slices of time, of which two may be good.
void explain_slices(const Counter& counter, StoreTime latest, ExplainedCounter& told) {
  const Pool& pool = counter.pool;
  for (std::int64_t end_ms = pool.first_end_beyond(latest); end_ms != 0;
       end_ms = pool.first_end_beyond({end_ms * 1000})) {
    const Window slice{0, end_ms};
    const std::int64_t held = pool.held(slice);
    const std::int64_t kept = pool.slot().is_none() ? held : pool.stock(slice);
    told.kept += kept;
    told.shown += held - kept;
    if (!told.held_first_end_ms) told.held_first_end_ms = end_ms;
    told.held_last_end_ms = end_ms;
  }
}

std::size_t count(const Waiters& waiters, const Waiters::List& list) {
  std::size_t members = 0;
  for (WaiterPlace at = list.first; !at.is_none(); at = waiters[at].next) ++members;
  return members;
}

void explain_line(const Line& line, const Waiters& waiters, ExplainedCounter& told) {
  told.waiting = count(waiters, line.due) + count(waiters, line.asked);
  if (!line.acquire) return;
  told.acquiring = line.acquire->count;
  told.waiting += count(waiters, line.acquire->parked) + count(waiters, line.acquire->booking) +
                  count(waiters, line.acquire->booked);
}

// Of a limit of concurrency.
void explain_hold(const HoldLook& look, ExplainedCounter& told) {
  told.name = look.name;
  told.hold = look.state;
  told.kept = look.state.held;
  told.told_ms_ago = look.state.told_ms_ago;
  if (look.state.others) {
    const std::int64_t taken = look.state.entered + *look.state.others;
    told.left = std::max<std::int64_t>(0, look.decision.limit - taken);
  }
  if (look.state.until) {
    told.held_first_end_ms = told.held_last_end_ms = look.state.until->us / 1000;
  }
  if (told.left == 0) told.state = WindowState::Exhausted;
  if (look.state.restrained_ms) told.state = WindowState::Lost;
  told.waiting = look.state.waiting;
  told.acquiring = look.state.parked;
}

}  // namespace

void Gate::explain(CombinedCheck& check, std::size_t decides, const CheckResult& result, Mono now) {
  if (result.verdict != Verdict::Decided && result.verdict != Verdict::StoreDown) return;
  auto told = std::make_shared<Explanation>();
  const Part& first = check.parts.front();
  told->name = first.member.limit->shown->name;
  told->answer = {result.verdict, result.decision};
  told->decides = decides;
  Members members;
  for (Part& part : check.parts) {
    told->limits.push_back(explain_part(part, now));
    members.push_back(part.member);
  }
  told->acquiring = acquirers_.count_of(CombinedAcquirers::line_of(members));
  const CounterId id = knowing_counter({first.member.limit, first.member.key}, now);
  if (const auto reading = shards_[counters_[id].shard.value].clock.read(now)) {
    told->now = reading->earliest;
  }
  check.explanation = std::move(told);
}

ExplainedLimit Gate::explain_part(Part& part, Mono now) {
  const Member& member = part.member;
  const bool is_known = part.state == Part::State::Paid || part.state == Part::State::Denied ||
                        (part.state == Part::State::Open && look_at(part, now) != Known::Nothing);
  LimitUse& use = use_of(part, now);
  ExplainedLimit told;
  told.limit = use.shown;
  told.key = member.key;
  told.cost = member.cost;
  told.leased = use.leased;
  told.why_leased = why_leased(*use.limit);
  if (is_known) {
    CheckResult result = part.result;
    decider_.conclude(use, Ask::look(member.cost), result);
    told.answer = ExplainedAnswer{result.verdict, result.decision};
  }
  if (use.limit->kind != KeyRuleKind::Limited) return told;
  if (member.limit->subs.empty()) told.counters = {explain_counter(member.limit, part, now)};
  for (const LimitUsePtr& sub : member.limit->subs) {
    told.counters.push_back(explain_counter(sub, part, now));
  }
  return told;
}

ExplainedCounter Gate::explain_counter(const LimitUsePtr& limit, const Part& part, Mono now) {
  const CounterId id = counter_of({limit, part.member.key}, now);
  Counter& counter = counters_[id];
  LimitUse& use = *counter.use;
  const Shard& shard = shards_[counter.shard.value];
  keeper_.look(counter, now);
  ExplainedCounter told;
  if (options_.shard_of) told.shard = counter.shard.value;
  told.store = store_state_of(shard, counter.shard, use, now);
  told.clock = clock_state_of(shard, *use.limit, now);
  told.has_slot = !counter.pool.slot().is_none();
  if (const Line* const line = counters_.line(counter)) {
    explain_line(*line, room_.waiters(), told);
    const Waiter* const own = part.awaited ? room_.waiters().find(part.waiter) : nullptr;
    if (own != nullptr && own->counter == id) --told.waiting;
  }
  if (const KnownBlock* const known = decider_.block_of(counter, now)) {
    told.blocked_ms = decider_.blocked_for_ms(counter, *known, now);
  }
  const Placed placed = shard.place(use, now);
  if (placed.open) told.state = decider_.state_of(counter, placed.window, now);
  if (use.limit->algorithm->has_windows) {
    if (placed.window.end_ms != 0) explain_window(counter, placed, told);
    if (placed.window.end_ms != 0) told.full_in_ms = decider_.reset_after_ms(counter, now);
    return told;
  }
  told.name = use.names.of(counter.key.view(), 0);
  if (const auto reading = shard.clock.read(now)) explain_slices(counter, reading->latest, told);
  if (counter.bucket == nullptr) return told;
  const Prospect prospect =
      decider_.prospect(counter, counter.bucket->bucket, 0, part.member.cost, {}, now);
  told.left = std::max<std::int64_t>(0, prospect.remaining);  // less than none: it is in debt
  told.told_ms_ago = (now.us - counter.bucket->told.us) / 1000;
  told.fits_in_ms = prospect.retry_after_ms;
  told.full_in_ms = prospect.reset_after_ms;
  return told;
}

HoldLook Gate::look_at_entry(const EntryRequest& request, Mono now) {
  ++stats_.peeks;
  return holds_.look(request, now);
}

std::shared_ptr<const Explanation> Gate::explain_entry(const EntryRequest& request, Mono now) {
  const HoldLook look = look_at_entry(request, now);
  if (look.verdict == Verdict::Stopping) return nullptr;
  const LimitUse& use = *request.limit;
  const Shard& shard = shards_[look.shard.value];
  ExplainedCounter counter;
  explain_hold(look, counter);
  if (options_.shard_of) counter.shard = look.shard.value;
  counter.store = store_state_of(shard, look.shard, use, now);
  counter.clock = clock_state_of(shard, *use.limit, now);
  ExplainedLimit limit;
  limit.limit = use.shown;
  limit.key = request.key;
  limit.cost = request.cost;
  limit.why_leased = why_leased(*use.limit);
  limit.answer = ExplainedAnswer{look.verdict, look.decision};
  limit.counters = {counter};
  auto told = std::make_shared<Explanation>();
  told->name = use.shown->name;
  told->answer = *limit.answer;
  told->limits = {limit};
  if (const auto reading = shard.clock.read(now)) told->now = reading->earliest;
  return told;
}

}  // namespace rategate
