#include "daemon/proto/verbs/explain_entry_text.hpp"

#include <string_view>

#include "daemon/proto/verbs/span_text.hpp"

namespace rategate {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

std::string_view is_or_are(std::int64_t count) { return count == 1 ? " is" : " are"; }

// "2 of 9 slots are".
std::string of_all(std::int64_t count, const Limit& limit) {
  return number(count) + " of " + number(limit.permits) + " slots" + std::string(is_or_are(count));
}
std::string and_entered(std::int64_t count) {
  return ", and " + number(count) + std::string(is_or_are(count)) + " entered";
}

// The counter is one, and there is always a hold of it, be it of nothing.
const ExplainedCounter& counter_of(const ExplainedLimit& of) { return of.counters.front(); }
HoldState hold_of(const ExplainedLimit& of) { return counter_of(of).hold.value_or(HoldState{}); }

std::string let_in_text(const ExplainedLimit& of, const ExplainedAnswer& answer) {
  const HoldState hold = hold_of(of);
  const ExplainedCounter& counter = counter_of(of);
  const std::string all = number(of.limit->permits) + " slots";
  if (answer.decision.by == DecidedBy::Host) {
    std::string text = "this host holds " + number(hold.held) + " of " + all;
    if (hold.usable < hold.held) text += ", may use " + number(hold.usable) + " of them for now";
    return text + and_entered(hold.entered);
  }
  const bool is_up = counter.store == StoreState::Up;
  const std::string first =
      is_up ? "the store is asked first" : "the store is asked first, once it can be";
  if (counter.left) {
    return of_all(*counter.left, *of.limit) +
           " free, as the store told last; this host does not hold enough of them, so " + first;
  }
  const std::string entered = hold.entered == 0 ? "nothing is" : of_all(hold.entered, *of.limit);
  return entered + " entered on this host, which does not know how many of the " + all +
         " other hosts hold; " + first;
}

// Who has the slots.
std::string taken_text(const ExplainedLimit& of) {
  const HoldState hold = hold_of(of);
  const std::int64_t all = of.limit->permits;
  const std::int64_t others = hold.others.value_or(0);
  const bool alone = others == 0;
  if (alone && hold.entered == 1 && all == 1) return "the only slot is entered on this host";
  if (alone && hold.entered == all) return "all " + number(all) + " slots are entered on this host";
  std::string text = of_all(hold.entered, *of.limit) + " entered on this host";
  if (alone) return text;
  return text + ", and other hosts held " + number(others) + " as the store told last";
}

std::string no_room_text(const ExplainedLimit& of) {
  const ExplainedCounter& counter = counter_of(of);
  const HoldState hold = hold_of(of);
  const std::int64_t left = counter.left.value_or(0);
  const std::int64_t after = hold.entered + of.cost;
  if (hold.share && after > *hold.share && left >= of.cost) {
    return "other hosts need slots as well, so that this host lets in no more than its share of " +
           number(*hold.share) + and_entered(hold.entered);
  }
  std::string text = taken_text(of);
  if (counter.waiting > 0) {
    return text + "; " + number(static_cast<std::int64_t>(counter.waiting)) +
           (counter.waiting == 1 ? " waits" : " wait") + " in ENTER already";
  }
  if (left >= of.cost) return text + "; this host has got less than it has asked for";
  if (left > 0) text += ", and the cost of " + number(of.cost) + " is more than what is left";
  return text;
}

}  // namespace

std::string entry_reason_text(const ExplainedLimit& of, const ExplainedAnswer& answer) {
  if (answer.verdict == Verdict::Crowded) {
    return "as many have entered on this host, or wait in ENTER, as may";
  }
  switch (answer.decision.reason) {
    case Reason::Counted:
      return let_in_text(of, answer);
    case Reason::OverLimit:
      return no_room_text(of);
    case Reason::ClockNotTrusted:
      return "the store's clock is not known well enough to tell whether what this host holds is "
             "good";
    default:
      return "what hosts held may be lost, or is counted by another name; until all of it is over, "
             "for another " +
             span_text(hold_of(of).restrained_ms.value_or(0)) + ", nobody is let in beside it";
  }
}

std::string entry_next_text(const ExplainedLimit& of, const ExplainedAnswer& answer,
                            std::int64_t more) {
  const Decision& decision = answer.decision;
  if (answer.verdict == Verdict::Crowded) return "decided once some of them have left";
  if (answer.verdict != Verdict::Decided || decision.by == DecidedBy::Policy) {
    return "decided by what is entered and held once the store can be asked";
  }
  if (decision.reason == Reason::StoreAway) {
    return "may be allowed in " + span_text(hold_of(of).restrained_ms.value_or(0));
  }
  if (!decision.allowed) {
    return "may be allowed as soon as somebody leaves, for which ENTER waits with a TIMEOUT; "
           "without "
           "one it is worth asking again in " +
           span_text(decision.retry_after_ms);
  }
  if (more < 0) return "known once somebody enters, as only then the store is asked";
  return number(more) + " such " + (more == 1 ? "entry" : "entries") +
         " can begin as it is now; the one after is denied, unless somebody leaves before";
}

}  // namespace rategate
