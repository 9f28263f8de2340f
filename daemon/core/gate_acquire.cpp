// Those in ACQUIRE that wait for several limits at once: docs/waiting.md. The first of a line is
// tried by a combined check, as a CHECK would be; one that was denied is tried again when that may
// help.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "daemon/core/asks_again.hpp"
#include "daemon/core/gate.hpp"

namespace rategate {
namespace {

// So many are tried in one turn: when the window opens of a limit that is above many others, all of
// their lines wake at once.
constexpr int kMostTries = 64;
// Nobody is tried more often, whatever a denial says.
constexpr std::int64_t kTryEveryUs = 1'000;

bool is_of_dropped(const Members& members) {
  return std::any_of(members.begin(), members.end(),
                     [](const Member& member) { return member.limit->dropped; });
}

CheckResult waits_as(std::uint64_t number) {
  CheckResult result;
  result.waits = true;
  result.waiter.combined = number;
  return result;
}

}  // namespace

CheckResult Gate::acquire_combined(CombinedRequest request, Mono now) {
  std::string line = CombinedAcquirers::line_of(request.members);
  if (acquirers_.count_of(line) >= options_.max_parked_per_key ||
      acquiring() >= options_.max_parked) {
    CheckResult refused;
    refused.verdict = Verdict::Crowded;
    refused.by_rule = request.members.front().limit.get();
    return refused;
  }
  const Mono patience = request.patience;
  CombinedAcquirer& acquirer =
      acquirers_.join(combined_.next_number(), std::move(request), std::move(line));
  const std::uint64_t number = acquirer.number;
  const CombinedAcquirer& first = *acquirers_.first_of(acquirer.line);
  if (first.number == number) {
    const auto told = try_acquirer(acquirer, now);
    return told ? *told : waits_as(number);
  }
  // Nothing is tried for anybody before.
  if (first.trying == 0 && first.due >= patience) {
    return deny_acquirer(leave_line(acquirer, now), now);
  }
  acquirers_.wait_until(number, patience);
  return waits_as(number);
}

// What it is told, if that is known at once.
std::optional<CheckResult> Gate::try_acquirer(CombinedAcquirer& acquirer, Mono now) {
  acquirers_.wait_until(acquirer.number, kNever);
  CombinedCheck check = combined_.begin(acquirer.request, after(now, options_.command_timeout_us));
  check.acquirer = acquirer.number;
  std::optional<CheckResult> told;
  if (!advance(check, now)) {
    acquirer.trying = check.number;
  } else if (end_try(check, now)) {
    told = end_combined(check, now);
  }
  if (check.awaits()) combined_.keep(std::move(check));
  return told;
}

// After it was denied; nothing where it is to be told.
std::optional<Mono> Gate::tries_again_at(CombinedCheck& check, const CombinedRequest& request,
                                         Mono now) {
  if (!check.has(Part::State::Denied)) return std::nullopt;
  look_at_all(check, now);  // who else denies, and for how long
  // By other numbers, or none.
  if (is_of_dropped(request.members)) return std::nullopt;
  const Part& named = check.parts[named_of(check)];
  const auto at =
      asks_again_at(*named.member.limit->limit, named.result, request.patience, random_, now);
  if (!at) return std::nullopt;
  return std::min(std::max(*at, after(now, kTryEveryUs)), request.patience);
}

// A try is at its end. Whether its acquirer is told of it, and waits no more.
bool Gate::end_try(CombinedCheck& check, Mono now) {
  CombinedAcquirer* const acquirer = acquirers_.find(check.acquirer);
  if (acquirer == nullptr) return true;  // it has gone
  acquirer->trying = 0;
  const auto again = tries_again_at(check, acquirer->request, now);
  if (!again) {
    leave_line(*acquirer, now);
    return true;
  }
  end_parts(check, true, now);
  acquirers_.wait_until(acquirer->number, *again);
  return false;
}

// Who is the first by now is tried at the next turn.
CombinedRequest Gate::leave_line(const CombinedAcquirer& acquirer, Mono now) {
  const std::string line = acquirer.line;
  const bool was_first = acquirers_.is_first(acquirer);
  CombinedRequest request = acquirers_.leave(acquirer);
  const CombinedAcquirer* const next = was_first ? acquirers_.first_of(line) : nullptr;
  if (next != nullptr && next->trying == 0) acquirers_.wait_until(next->number, now);
  return request;
}

// By what this host knows, once it waits no more.
CheckResult Gate::deny_acquirer(CombinedRequest request, Mono now) {
  CombinedCheck check = combined_.begin(std::move(request), now);
  if (!look_at_all(check, now)) return end_combined(check, now);
  for (Part& part : check.parts) {
    if (part.member.limit->limit->shadow) continue;
    const CounterId id = knowing_counter({part.member.limit, part.member.key}, now);
    part.result = decider_.deny_now(counters_[id], part.member.cost, now);
    part.state = Part::State::Denied;
  }
  return end_combined(check, now);
}

void Gate::try_acquirers(Mono now) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    CombinedAcquirer* const acquirer = acquirers_.due(now);
    if (acquirer == nullptr) return;
    if (!acquirers_.is_first(*acquirer)) {
      const CombinedRequest request = leave_line(*acquirer, now);
      tell_combined(request.ticket, request.telling, deny_acquirer(request, now), nullptr);
      continue;
    }
    const std::uint64_t ticket = acquirer->request.ticket;
    const Telling telling = acquirer->request.telling;
    const auto told = try_acquirer(*acquirer, now);
    if (told) tell_combined(ticket, telling, *told, nullptr);
  }
}

// Of those that are being tried the try says it.
void Gate::deny_acquirers_of_dropped(Mono now) {
  acquirers_.each([&](CombinedAcquirer& acquirer) {
    if (acquirer.trying != 0 || !is_of_dropped(acquirer.request.members)) return;
    const CombinedRequest request = leave_line(acquirer, now);
    CheckResult denied = deny_acquirer(request, now);
    denied.decision.retry_after_ms = 1;  // of the limits that there are now, it may be had at once
    tell_combined(request.ticket, request.telling, denied, nullptr);
  });
}

// Those that were being tried are told by then.
void Gate::stop_acquirers(Mono now) {
  acquirers_.each([&](const CombinedAcquirer& acquirer) {
    CheckResult stopping;
    stopping.verdict = Verdict::Stopping;
    const CombinedRequest request = leave_line(acquirer, now);
    tell_combined(request.ticket, Telling::Integers, stopping, nullptr);
  });
}

// What was asked of the store for it goes back at the next turn, at which the next one is tried.
void Gate::abandon_acquirer(CombinedAcquirer& acquirer) {
  if (acquirer.trying != 0) combined_.abandon(acquirer.trying);
  ++stats_.checks_abandoned;
  leave_line(acquirer, Mono{0});
}

}  // namespace rategate
