#include "daemon/proto/verbs/explain_text.hpp"

#include <algorithm>
#include <string_view>

#include "daemon/base/words.hpp"
#include "daemon/proto/errors.hpp"
#include "daemon/proto/verbs/explain_entry_text.hpp"
#include "daemon/proto/verbs/span_text.hpp"

namespace rategate {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

std::string in_window(const Limit& limit) {
  return limit.algorithm == &kSlidingWindow ? "within the last " + period_text(limit)
                                            : "in this window";
}

bool is_token_bucket(const Limit& limit) { return limit.algorithm == &kTokenBucket; }

// What has come of the permits, and of when there are more.
std::string over_limit_text(const ExplainedLimit& of, const Decision& decision) {
  const Limit& limit = *of.limit;
  const std::int64_t all = burst_of(limit);
  const std::int64_t left = std::clamp<std::int64_t>(decision.remaining, 0, all);
  const std::string cost = "the cost of " + number(of.cost);
  const std::string in = span_text(decision.retry_after_ms);
  if (is_token_bucket(limit)) {
    return number(left) + " of " + number(all) + " are in the bucket, and " + cost + " fits in " +
           in;
  }
  std::string text =
      number(all - left) + " of " + number(all) + " were given out " + in_window(limit);
  if (left > 0) text += ", and " + cost + " is more than what is left";
  return text + (limit.algorithm->has_windows ? "; the next window opens in " + in
                                              : "; enough of them come back in " + in);
}

std::string counted_text(const ExplainedLimit& of, const Decision& decision) {
  const Limit& limit = *of.limit;
  const std::int64_t all = burst_of(limit);
  const std::string left = number(decision.remaining) + " of " + number(all);
  const std::string reset = span_text(decision.reset_after_ms);
  const bool is_full = !limit.algorithm->has_windows && decision.remaining >= all;
  if (is_full) return "all " + number(all) + " are there";
  if (is_token_bucket(limit)) return left + " are in the bucket, which is full in " + reset;
  if (limit.algorithm->has_windows)
    return left + " are left in this window, which ends in " + reset;
  return left + " are left " + in_window(limit) + ", all of them in " + reset;
}

bool has_state(const ExplainedLimit& of, WindowState state) {
  return std::any_of(of.counters.begin(), of.counters.end(),
                     [&](const ExplainedCounter& counter) { return counter.state == state; });
}

std::string_view why_not_asked(const ExplainedLimit& of) {
  const auto has = [&](StoreState state) {
    return std::any_of(of.counters.begin(), of.counters.end(),
                       [&](const ExplainedCounter& counter) { return counter.store == state; });
  };
  if (has(StoreState::Away)) return "the store cannot be reached";
  if (has(StoreState::Refuses)) return "the store refuses to count this limit";
  if (has(StoreState::Nowhere)) return "no part of the store has the counter";
  return "the store has not answered in time";
}

std::string without_store_text(const ExplainedLimit& of, const ExplainedAnswer& answer) {
  const std::string in = span_text(answer.decision.retry_after_ms);
  if (answer.decision.by == DecidedBy::Host) {
    if (has_state(of, WindowState::Telling)) {
      return "the store has lost its count, and the hosts are still telling what they know of it; "
             "asked again in " +
             in;
    }
    return "the store has lost the count of this window, so nobody knows how much of it is left; "
           "the next window opens in " +
           in;
  }
  const OnStoreDown policy = of.limit->on_store_down;
  std::string text(why_not_asked(of));
  text.append(", and the limit's on_store_down is ").append(to_text(policy));
  if (policy != OnStoreDown::Share) return text;
  const std::int64_t left = std::max<std::int64_t>(0, answer.decision.remaining);
  return text + ": " + number(left) + " are left of this host's part";
}

std::string reason_text(const ExplainedLimit& of, const ExplainedAnswer& answer) {
  const Decision& decision = answer.decision;
  const Limit& limit = *of.limit;
  const std::string rule = "the rule for '" + shown(limit.key_rule) + "'";
  if (answer.verdict == Verdict::StoreDown) return without_store_text(of, answer);
  const bool is_common = decision.reason == Reason::NeverFits || decision.by == DecidedBy::Policy;
  if (is_concurrency(limit) && !is_common) return entry_reason_text(of, answer);
  switch (decision.reason) {
    case Reason::Counted:
      return counted_text(of, decision);
    case Reason::OverLimit:
      return over_limit_text(of, decision);
    case Reason::StoreAway:
      return without_store_text(of, answer);
    case Reason::NeverFits:
      return "a cost of " + number(of.cost) +
             " never fits: " + (is_token_bucket(limit) ? "the bucket holds " : "the limit is ") +
             number(most_cost(limit)) + (limit.spread > 1 ? " in each of its counters" : "");
    case Reason::ClockNotTrusted:
      return "the store's clock is not known well enough to tell which window is open";
    case Reason::Blocked:
      if (limit.kind == KeyRuleKind::Blocked) return rule + " blocks this key";
      return "a check before was denied, which blocks this key for another " +
             span_text(decision.retry_after_ms) + " (block_for)";
    case Reason::Unlimited:
      return rule + " lets this key pass, and nothing is counted";
  }
  return {};
}

// The verdict, and why; `which` names the limit where there are several.
std::string sentence(const ExplainedLimit& of, const ExplainedAnswer& answer,
                     const std::string& which) {
  // A shadow that denies is told with the numbers of a denial.
  std::string text = verdict_word(answer) + ": " + which;
  if (!answer.decision.shadow) return text + reason_text(of, answer);
  ExplainedAnswer denied = answer;
  denied.decision.retry_after_ms = denied.decision.reset_after_ms;
  return text + "the limit is a shadow, which would deny it: " + reason_text(of, denied);
}

}  // namespace

std::string verdict_word(const ExplainedAnswer& answer) {
  if (answer.verdict != Verdict::Decided) return "error";
  return answer.decision.allowed ? "allowed" : "denied";
}

std::int64_t more_checks(const ExplainedAnswer& answer, std::int64_t cost) {
  const Decision& decision = answer.decision;
  if (answer.verdict != Verdict::Decided || decision.remaining < 0) return -1;
  return decision.allowed && !decision.shadow ? decision.remaining / cost : 0;
}

std::string why_text(const Explanation& explanation) {
  const ExplainedLimit& decides = explanation.limits[explanation.decides];
  const Limit& limit = *decides.limit;
  std::string which;
  if (explanation.limits.size() > 1) {
    which = "by '" + limit.name + "' " + rate_text(limit, limit.permits) + ", ";
  }
  return sentence(decides, explanation.answer, which);
}

std::string why_text(const ExplainedLimit& limit) {
  if (limit.answer) return sentence(limit, *limit.answer, {});
  return "not known: another limit denies, and what this host knows of this one does not say it";
}

std::string next_text(const Explanation& explanation) {
  const ExplainedAnswer& answer = explanation.answer;
  const Decision& decision = answer.decision;
  const ExplainedLimit& decides = explanation.limits[explanation.decides];
  if (is_concurrency(*decides.limit) && decision.reason != Reason::NeverFits) {
    return entry_next_text(decides, answer, more_checks(answer, decides.cost));
  }
  if (answer.verdict != Verdict::Decided) return "a check is decided once the store can be asked";
  if (decision.shadow) return "always allowed, as long as the limit is a shadow";
  const bool by_rule = decides.limit->kind != KeyRuleKind::Limited;
  if (decision.reason == Reason::Blocked && !by_rule) {
    return "counted again in " + span_text(decision.retry_after_ms) +
           ", or once the limit is cleared for this key";
  }
  switch (decision.reason) {
    case Reason::Blocked:
    case Reason::Unlimited:
      return "the same, until the configuration is another one";
    case Reason::NeverFits:
      return "the same at any time: only a smaller cost, or a larger limit, changes it";
    default:
      break;
  }
  if (!decision.allowed) {
    return "may be allowed in " + span_text(decision.retry_after_ms) +
           ", unless others take the permits before";
  }
  const std::int64_t more = more_checks(answer, decides.cost);
  if (more < 0) return "counted again once the store can be asked";
  return number(more) + " such " + (more == 1 ? "check" : "checks") +
         " can be allowed as it is now; the one after is denied, unless permits come back before";
}

}  // namespace rategate
