// What decisions are marked with and counted as, once they are made.
#include <algorithm>

#include "daemon/core/decider.hpp"

namespace rategate {

void Decider::conclude(LimitUse& use, const Ask& ask, CheckResult& result) {
  mark(use, result);
  if (!ask.takes) return;
  count_for_limit(use, result);
  count_check(result);
}

void Decider::conclude_member(LimitUse& use, CheckResult& result, bool is_named) {
  mark(use, result);
  count_for_limit(use, result);
  if (is_named) count_check(result);
}

void Decider::mark(const LimitUse& use, CheckResult& result) {
  Decision& decision = result.decision;
  decision.near = decision.remaining <= use.near_left && decision.remaining != Decision::kUnknown;
  if (!decision.allowed && use.limit->shadow && result.verdict == Verdict::Decided) {
    decision.allowed = decision.shadow = true;
    decision.retry_after_ms = decision.retry_after_us = 0;
  }
}

void Decider::count_near(LimitTally& tally, std::uint64_t times) {
  stats_.near += times;
  tally.near += times;
}

void Decider::count_for_limit(LimitUse& use, const CheckResult& told) {
  const Decision& decision = told.decision;
  LimitTally& tally = *use.tally;
  if (decision.shadow) {
    ++tally.shadow_denied;
    return;
  }
  ++(decision.allowed ? tally.allowed : tally.denied);
  if (decision.near && decision.allowed) count_near(tally, 1);
}

void Decider::count_check(const CheckResult& told) {
  const Decision& decision = told.decision;
  if (decision.shadow) {
    ++stats_.shadow_denied;
    return;
  }
  if (told.verdict == Verdict::StoreDown) {
    ++stats_.store_down_errors;
    return;
  }
  switch (decision.reason) {
    case Reason::Counted:
      ++stats_.allowed;
      break;
    case Reason::OverLimit:
      ++stats_.denied;
      if (decision.by == DecidedBy::Host) ++stats_.denied_locally;
      break;
    case Reason::NeverFits:
      ++stats_.never_fits;
      break;
    case Reason::ClockNotTrusted:
      ++stats_.clock_not_trusted;
      break;
    case Reason::StoreAway:
      if (decision.by == DecidedBy::Host) {
        ++stats_.lost_denied;
      } else {
        ++(decision.allowed ? stats_.store_down_allowed : stats_.store_down_denied);
      }
      break;
    case Reason::Blocked:
      ++stats_.blocked;
      break;
    case Reason::Unlimited:
      ++stats_.unlimited;
      break;
  }
}

// Each of those that take permits leaves fewer than the one before, as they are told.
void Decider::repeated(LimitUse& use, const Decision& decided, std::int64_t cost,
                       std::int64_t times) {
  const auto more = static_cast<std::uint64_t>(times);
  LimitTally& tally = *use.tally;
  stats_.checks += more;
  if (decided.shadow) {
    stats_.shadow_denied += more;
    tally.shadow_denied += more;
    return;
  }
  (decided.allowed ? tally.allowed : tally.denied) += more;
  if (decided.reason == Reason::Blocked) {
    stats_.blocked += more;
  } else if (decided.reason == Reason::Unlimited) {
    stats_.unlimited += more;
  } else if (decided.allowed) {
    stats_.allowed += more;
    const std::int64_t above = std::max<std::int64_t>(0, decided.remaining - use.near_left);
    const std::int64_t not_near = above == 0 ? 0 : (above - 1) / cost;
    count_near(tally, static_cast<std::uint64_t>(std::max<std::int64_t>(0, times - not_near)));
  } else {
    stats_.denied += more;
    stats_.denied_locally += more;
  }
}

}  // namespace rategate
