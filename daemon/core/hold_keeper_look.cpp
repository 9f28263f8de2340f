// What somebody would be told who entered now, and what that goes by: for those who only want to
// know. What decides is what decides for those who enter.
#include <algorithm>

#include "daemon/core/hold_keeper.hpp"

namespace rategate {
namespace {

// Where the store would have to be asked, and would deny: it is worth asking again after so long.
constexpr std::int64_t kLookAgainMs = 50;

std::int64_t ms_until(Mono at, Mono now) {
  return std::max<std::int64_t>(0, (at.us - now.us + 999) / 1000);
}

}  // namespace

HoldLook HoldKeeper::look(const EntryRequest& request, Mono now) const {
  HoldLook look;
  look.name = name_of(request);
  const HeldCounter* const known = counter(look.name);
  HeldCounter other;  // as enter() would make of it
  if (known == nullptr) {
    other = begun(request, look.name);
  } else if (known->use != request.limit) {
    other = *known;
    adopt(other, request.limit, now);
  }
  const bool is_other = known == nullptr || known->use != request.limit;
  const HeldCounter& at = is_other ? other : *known;
  look.shard = at.shard;
  EntryWaiter who;
  who.use = request.limit;
  who.cost = request.cost;
  const bool is_full = known == nullptr && counters_.size() >= options_.most_counters;
  const Course course = is_full ? Course::Crowded : course_of(at, who, now);
  look.verdict = stopping_ ? Verdict::Stopping : foretell(at, who, course, now, look.decision);
  look.state = state_of(at, request.cost, now);
  look.state.known = known != nullptr;
  return look;
}

// The decision is written where there is one.
Verdict HoldKeeper::foretell(const HeldCounter& counter, const EntryWaiter& who, Course course,
                             Mono now, Decision& decision) const {
  const LimitUse& use = *who.use;
  decision.limit = use.limit->permits;
  decision.remaining = counter.told == kNever ? Decision::kUnknown : remaining(counter, use);
  decision.by = DecidedBy::Host;
  switch (course) {
    case Course::Enters:
      decision.allowed = true;
      decision.reason = Reason::Counted;
      break;
    case Course::NeverFits:
      decision.reason = Reason::NeverFits;
      decision.remaining = Decision::kUnknown;
      decision.retry_after_ms = -1;
      break;
    case Course::Policy:
      decision.by = DecidedBy::Policy;
      decision.reason = Reason::StoreAway;
      decision.remaining = Decision::kUnknown;
      if (use.limit->on_store_down == OnStoreDown::Error) return Verdict::StoreDown;
      decision.allowed = use.limit->on_store_down == OnStoreDown::Allow;
      if (!decision.allowed) decision.retry_after_ms = policy_retry_ms(counter, use, now);
      break;
    case Course::Denied:
      decision.reason = is_restrained(counter, now) ? Reason::StoreAway : Reason::OverLimit;
      if (decision.reason == Reason::StoreAway) decision.remaining = Decision::kUnknown;
      decision.retry_after_ms = retry_ms(counter, now);
      break;
    case Course::Waits:
      foretell_store(counter, who, now, decision);
      break;
    case Course::Crowded:
      return Verdict::Crowded;
  }
  return Verdict::Decided;
}

// The store would be asked first: as if others still held what it told last.
void HoldKeeper::foretell_store(const HeldCounter& counter, const EntryWaiter& who, Mono now,
                                Decision& decision) const {
  decision.by = DecidedBy::Store;
  if (is_restrained(counter, now)) {
    decision.reason = Reason::StoreAway;
    decision.remaining = Decision::kUnknown;
  } else if (shard_of(counter).health.is_up() && !reading_of(counter, now)) {
    decision.reason = Reason::ClockNotTrusted;
    decision.remaining = Decision::kUnknown;
  } else {
    const std::int64_t before = counter.entered + counter.line.cost();
    decision.allowed = before + who.cost <= most_here(counter, *who.use, who.cost);
    decision.reason = decision.allowed ? Reason::Counted : Reason::OverLimit;
  }
  if (decision.allowed) return;
  decision.retry_after_ms = is_restrained(counter, now) ? retry_ms(counter, now) : kLookAgainMs;
}

HoldState HoldKeeper::state_of(const HeldCounter& counter, std::int64_t cost, Mono now) const {
  HoldState state;
  const auto reading = reading_of(counter, now);
  state.entered = counter.entered;
  if (reading && counter.hold.is_good(reading)) {
    state.held = counter.hold.held();
    state.usable =
        std::clamp<std::int64_t>(most_here(counter, *counter.use, cost), 0, counter.hold.usable());
    state.until = counter.hold.until();
    state.good_ms = (counter.hold.until().us - reading->latest.us) / 1000;
  }
  if (counter.told != kNever) {
    state.others = counter.others;
    state.told_ms_ago = (now.us - counter.told.us) / 1000;
  }
  if (counter.share != HeldCounter::kAll) state.share = counter.share;
  state.asked_in_ms = asked_in_ms(counter, now);
  const std::int64_t restrained = restrained_us(counter, now);
  if (restrained > 0) state.restrained_ms = (restrained + 999) / 1000;
  state.waiting = counter.line.size();
  state.parked = counter.line.parked();
  return state;
}

// What is given back may be told before that.
std::optional<std::int64_t> HoldKeeper::asked_in_ms(const HeldCounter& counter, Mono now) const {
  if (counter.hold.is_asking() || counter.queued) return 0;
  for (const Mono at : {now, std::min(counter.not_before, counter.renews),
                        std::max(counter.not_before, counter.renews)}) {
    if (at >= now && at != kNever && wants_ask(counter, at)) return ms_until(at, now);
  }
  return std::nullopt;
}

}  // namespace rategate
