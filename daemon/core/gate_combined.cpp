// Checks of several limits at once: docs/combined.md.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "daemon/core/gate.hpp"
#include "daemon/limit/receipt.hpp"

namespace rategate {
namespace {

// Of those all permits are lost that the store has granted to nobody after all.
bool is_bucket(const Part& part) { return !part.member.limit->limit->algorithm->has_windows; }

Receipt receipt_of(const Part& part) {
  return Receipt::of(part.result.decision.receipt, !part.member.limit->subs.empty());
}

// What is denied blocks a key, so that nobody waits for it.
bool blocks_some(const Members& members) {
  return std::any_of(members.begin(), members.end(),
                     [](const Member& member) { return member.limit->blocks; });
}

void drop_hand(Part& part) {
  const bool in_hand = part.state == Part::State::Paid && part.result.decision.receipt != 0;
  if (in_hand) part.state = Part::State::Open;
}

// The receipt of all of them: the end of the window that ends first; 0: none is of a window.
std::int64_t first_end_ms(const CombinedCheck& check) {
  std::int64_t first = 0;
  for (const Part& part : check.parts) {
    const std::int64_t end_ms = is_bucket(part) ? 0 : receipt_of(part).until_ms;
    if (end_ms > 0) first = first == 0 ? end_ms : std::min(first, end_ms);
  }
  return first;
}

}  // namespace

CheckResult Gate::check_combined(CombinedRequest request, Mono now) {
  ++(request.takes ? stats_.checks : stats_.peeks);
  CheckResult result;
  if (stopping_) {
    result.verdict = Verdict::Stopping;
  } else if (request.patience.us > 0 && !blocks_some(request.members)) {
    result = acquire_combined(std::move(request), now);
  } else {
    CombinedCheck check =
        combined_.begin(std::move(request), after(now, options_.command_timeout_us));
    if (advance(check, now)) {
      result = end_combined(check, now);
      explanation_ = std::move(check.explanation);
    } else {
      result.waits = true;
      result.waiter.combined = check.number;
    }
    if (check.awaits()) combined_.keep(std::move(check));
  }
  pass_on(now);
  return result;
}

// What is known here of a member that is open, which becomes its result.
Gate::Known Gate::look_at(Part& part, Mono now) {
  LimitUse* use = part.member.limit.get();
  if (!use->subs.empty()) return Known::Nothing;
  const Ask look = Ask::look(part.member.cost);
  const CounterId id = counter_of({part.member.limit, part.member.key, look}, now);
  const Counter& counter = counters_[id];
  use = counter.use;
  if (use->limit->kind != KeyRuleKind::Limited || use->is_sub()) return Known::Nothing;
  if (look.cost > use->most_cost) {
    part.result = Decider::never_fits(*use, shards_.front(), now);
    return Known::Lacks;
  }
  if (auto blocked = decider_.deny_blocked(counter, now)) {
    show_block(id, now);
    part.result = *blocked;
    return Known::Lacks;
  }
  const auto reading = shards_[counter.shard.value].usable(*use->limit, now);
  const Placed at = reading ? use->place(*reading) : Placed{};
  if (!reading || !at.open || reserver_.is_acquiring(counter)) return Known::Nothing;
  const WindowState state = decider_.state_of(counter, at.window, now);
  const auto known = reserver_.decide_here(id, at.window, state, look, now);
  if (!known) return Known::Nothing;
  part.result = *known;
  return known->decision.allowed ? Known::Has : Known::Lacks;
}

// False where one of them is known to have too little: nothing was taken then.
bool Gate::look_at_all(CombinedCheck& check, Mono now) {
  bool lacks = false;
  for (Part& part : check.parts) {
    if (part.state != Part::State::Open) continue;
    if (look_at(part, now) != Known::Lacks) continue;
    if (part.member.limit->limit->shadow) continue;
    part.state = Part::State::Denied;
    lacks = true;
  }
  return !lacks;
}

void Gate::told_part(Part& part, const CheckResult& result) {
  if (result.spared) {
    part.state = Part::State::Open;
    return;
  }
  part.result = result;
  const bool decided = result.verdict == Verdict::Decided;
  const bool paid = decided && (result.decision.allowed || part.member.limit->limit->shadow);
  part.state = paid ? Part::State::Paid : Part::State::Denied;
}

void Gate::ask_part(CombinedCheck& check, Part& part, Mono now) {
  Request request{part.member.limit, part.member.key, check.ask_of(part)};
  request.ticket =
      CombinedChecks::ticket_of(check, static_cast<std::size_t>(&part - check.parts.data()));
  request.flow = check.flow;
  request.is_member = true;
  const CheckResult result = decide(request, now);
  if (!result.waits) return told_part(part, result);
  part.state = Part::State::Asked;
  part.waiter = result.waiter;
  part.awaited = true;
  passed_on_ = true;
}

// Those that this host cannot pay by what it has; windows, or buckets. Whether some wait.
bool Gate::ask_some(CombinedCheck& check, bool buckets, Mono now) {
  for (Part& part : check.parts) {
    if (part.state != Part::State::Open || is_bucket(part) != buckets) continue;
    if (look_at(part, now) == Known::Has) continue;
    ask_part(check, part, now);
  }
  return check.has(Part::State::Asked);
}

// Whether the window of something in hand may be over by now, so that it is worth nothing.
bool Gate::drop_lapsed(CombinedCheck& check, Mono now) {
  bool lapsed = false;
  for (Part& part : check.parts) {
    const Decision& decision = part.result.decision;
    if (part.state != Part::State::Paid || decision.receipt == 0) continue;
    // What the store gave of a bucket was taken inside this call, for good.
    if (is_bucket(part) && decision.by == DecidedBy::Store) continue;
    const LimitUse& limit = *part.member.limit;
    const Receipt receipt = receipt_of(part);
    const LimitUsePtr& paid = limit.subs.empty() ? part.member.limit : limit.subs[receipt.sub];
    const CounterId id = counter_of({paid, part.member.key}, now);
    const auto reading = shards_[counters_[id].shard.value].clock.read(now);
    if (reading && reading->latest.us < 1000 * receipt.until_ms) continue;
    part.state = Part::State::Open;
    lapsed = true;
  }
  return lapsed;
}

// Of the counters that the limit has for that key, as for the permits in their pools: the member
// pays anew.
void Gate::drop_hands(const LimitUsePtr& limit, std::string_view key) {
  const LimitUsePtr spread = limit->spread_of.lock();
  const LimitUsePtr& named = spread != nullptr ? spread : limit;
  const bool has_key = limit->limit->redis_key.has_key();
  combined_.each_part([&](Part& part) {
    if (part.member.limit == named && (!has_key || part.member.key == key)) drop_hand(part);
  });
}

// Of all buckets in that shard what ends by a clock that is not known any more.
void Gate::drop_hands_of_slices(ShardId id, Mono now) {
  combined_.each_part([&](Part& part) {
    if (!is_bucket(part) || part.result.decision.by == DecidedBy::Store) return;
    const CounterId counter = counter_of({part.member.limit, part.member.key}, now);
    if (counters_[counter].shard == id) drop_hand(part);
  });
}

// As far as it goes without the store. Whether it is at its end; else some members wait.
bool Gate::advance(CombinedCheck& check, Mono now) {
  for (;;) {
    drop_lapsed(check, now);
    if (!look_at_all(check, now)) return true;
    if (may_group(check, now)) {
      ask_group(check, now);
      if (check.has(Part::State::Denied)) return true;
      if (check.has(Part::State::Asked)) return false;
    }
    for (const bool buckets : {false, true}) {
      if (ask_some(check, buckets, now)) return check.has(Part::State::Denied);
      if (check.has(Part::State::Denied)) return true;
    }
    for (Part& part : check.parts) {
      if (part.state == Part::State::Open) ask_part(check, part, now);
    }
    if (check.has(Part::State::Denied)) return true;
    if (check.has(Part::State::Asked)) return false;
    if (!check.has(Part::State::Open) && !drop_lapsed(check, now)) return true;
  }
}

// What it is told. What was taken in vain goes back, and so does what is still to come.
CheckResult Gate::end_combined(CombinedCheck& check, Mono now) {
  const bool denied = check.has(Part::State::Denied);
  if (denied) look_at_all(check, now);  // who else denies, and for how long
  const std::size_t at = named_of(check);
  for (std::size_t i = 0; i < check.parts.size(); ++i) {
    Part& part = check.parts[i];
    if (denied && i != at) continue;
    LimitUse& use = use_of(part, now);
    if (i == at) part.result.by_rule = &use;
    if (check.takes) decider_.conclude_member(use, part.result, i == at);
  }
  CheckResult result = check.parts[at].result;
  if (!check.takes) decider_.conclude(use_of(check.parts[at], now), Ask::look(1), result);
  result.waits = false;
  result.decision.member = check.parts[at].member.listed;
  result.decision.receipt = denied ? 0 : first_end_ms(check);
  if (check.explains) explain(check, at, result, now);
  end_parts(check, denied, now);
  return result;
}

void Gate::end_parts(CombinedCheck& check, bool in_vain, Mono now) {
  go_on(now);  // nobody leaves a line from which he is on his way to another one
  combined_.end(check);
  for (Part& part : check.parts) {
    if (in_vain && check.takes && part.state == Part::State::Paid) put_back(part, now);
    if (part.awaited && room_.withdraw(part.waiter)) part.awaited = false;
    part.state = Part::State::Open;
  }
  if (check.grouped > 0) reserver_.ungroup(check.number);
}

// By what the member is counted: the limit, or what a rule for keys makes of it.
LimitUse& Gate::use_of(const Part& part, Mono now) {
  return *counters_[knowing_counter({part.member.limit, part.member.key}, now)].use;
}

void Gate::put_back(const Part& part, Mono now) {
  const Decision& decision = part.result.decision;
  if (decision.receipt == 0 || decision.reason != Reason::Counted) return;
  take_back({part.member.limit, part.member.key, part.member.cost, 0, decision.receipt},
            Settler::Whose::Own, now);
}

// ---- What comes later -----------------------------------------------------------------------

void Gate::hear_members(Mono now) {
  for (auto heard = room_.take_members(); !heard.empty(); heard = room_.take_members()) {
    // What is answered at one moment is all known before any of it decides: a denial names the
    // member that denies for longest.
    std::vector<std::uint64_t> wanted;
    for (const auto& [ticket, result] : heard) {
      if (hear_member(ticket, result, now)) wanted.push_back(CombinedChecks::number_of(ticket));
    }
    for (const std::uint64_t number : wanted) go_on_combined(number, now);
  }
}

// Whether its check waits for it.
bool Gate::hear_member(std::uint64_t ticket, const CheckResult& result, Mono now) {
  CombinedCheck* const check = combined_.find(CombinedChecks::number_of(ticket));
  if (check == nullptr) return false;
  Part& part = check->parts[CombinedChecks::part_of(ticket)];
  part.awaited = false;
  const bool is_wanted = part.state == Part::State::Asked && !check->gone;
  told_part(part, result);
  if (!is_wanted) {
    if (part.state == Part::State::Paid && check->takes) put_back(part, now);
    part.state = Part::State::Open;
    if (check->over && !check->awaits()) combined_.forget(check->number);
  }
  return is_wanted;
}

// A member of it was heard of.
void Gate::go_on_combined(std::uint64_t number, Mono now) {
  CombinedCheck* const check = combined_.find(number);
  if (check == nullptr || check->over) return;
  if (check->has(Part::State::Denied) ||
      (!check->has(Part::State::Asked) && advance(*check, now))) {
    answer_combined(*check, now);
  } else if (check->grouped > 0) {
    reserver_.queue_group(number);
  }
  if (check->over && !check->awaits()) combined_.forget(number);
}

void Gate::answer_combined(CombinedCheck& check, Mono now) {
  if (check.acquirer != 0 && !end_try(check, now)) return;
  const CheckResult result = end_combined(check, now);
  tell_combined(check.ticket, check.telling, result, std::move(check.explanation));
}

void Gate::tell_combined(std::uint64_t ticket, Telling telling, const CheckResult& result,
                         std::shared_ptr<const Explanation> explanation) {
  const bool named = result.verdict == Verdict::StoreDown || telling >= Telling::Map;
  room_.answers().push_back({ticket, result.verdict, result.decision, telling,
                             named && result.by_rule != nullptr ? result.by_rule->shown : nullptr,
                             std::move(explanation)});
}

// Members that the store has not answered are decided without it, in order, until one denies.
void Gate::expire_combined(Mono now) {
  hear_members(now);  // some of them have come to their end as well
  while (CombinedCheck* const check = combined_.due(now)) {
    if (check->gone) {
      end_parts(*check, true, now);
    } else {
      drop_lapsed(*check, now);
      for (Part& part : check->parts) {
        if (check->has(Part::State::Denied)) break;
        if (part.state == Part::State::Paid) continue;
        const CounterId id = knowing_counter({part.member.limit, part.member.key}, now);
        told_part(part, decider_.by_policy(counters_[id], check->ask_of(part), now));
      }
      answer_combined(*check, now);
    }
    if (!check->awaits()) combined_.forget(check->number);
  }
}

// At the next turn.
void Gate::abandon(WaiterId waiter) {
  if (waiter.combined == 0) return room_.abandon(waiter);
  if (CombinedAcquirer* const acquirer = acquirers_.find(waiter.combined)) {
    return abandon_acquirer(*acquirer);
  }
  if (combined_.abandon(waiter.combined)) ++stats_.checks_abandoned;
}

}  // namespace rategate
