// Who enters a limit of concurrency, and leaves it.
#include <algorithm>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/checks.hpp"
#include "daemon/proto/errors.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/enter_reply.hpp"

namespace rategate {
namespace {

ErrorText error_of(Verdict verdict, const Limit& limit) {
  switch (verdict) {
    case Verdict::Stopping:
      return error_text(ErrorId::ShuttingDown);
    case Verdict::Crowded:
      return error_text(ErrorId::TooManyEntered, {limit.name});
    default:
      return error_text(ErrorId::StoreDown, {limit.name});
  }
}

}  // namespace

EnterOutcome Checks::enter(const Caller& caller, const EnterRequest& request) {
  const auto limit = find_any(caller, request.check);
  if (!limit) return Refused{limit.error()};
  const Limit& numbers = *(*limit)->limit;
  if (!(*limit)->is_entered) return Refused{error_text(ErrorId::EnterOfRate, {numbers.name})};
  IpText room;
  const auto counted = counted_key(numbers, request.check.key, room);
  if (!counted) return Refused{error_of_key(numbers, request.check.key)};
  EntryRequest asked{*limit, *counted, request.check.cost, caller.ticket, caller.flow};
  asked.for_us = request.for_ms * 1000;
  const std::int64_t wait_ms = std::min(request.check.timeout_ms, max_wait_ms_);
  if (wait_ms > 0) asked.patience = after(caller.moment, wait_ms * 1000);
  const EntryResult result = engine_.gate().holds().enter(asked, caller.moment);
  if (result.waits) return Parked{};
  if (result.verdict != Verdict::Decided) return Refused{error_of(result.verdict, numbers)};
  return result.decision;
}

CheckOutcome Checks::look_at_entry(const Caller& caller, const LimitUsePtr& limit,
                                   const CheckRequest& request) {
  IpText room;
  const auto counted = counted_key(*limit->limit, request.key, room);
  const HoldLook look = engine_.gate().look_at_entry(
      {limit, counted.value_or(std::string_view()), request.cost}, caller.moment);
  if (look.verdict != Verdict::Decided) return Refused{error_of(look.verdict, *limit->limit)};
  return look.decision;
}

ExplainOutcome Checks::explain_entry(const Caller& caller, const LimitUsePtr& limit,
                                     const CheckRequest& request) {
  IpText room;
  const auto counted = counted_key(*limit->limit, request.key, room);
  auto explanation = engine_.gate().explain_entry(
      {limit, counted.value_or(std::string_view()), request.cost}, caller.moment);
  if (explanation == nullptr) return Refused{error_of(Verdict::Stopping, *limit->limit)};
  return explanation;
}

bool Checks::leave(const Caller& caller, std::uint64_t entry) {
  return engine_.gate().holds().leave(entry, caller.moment);
}

StayOutcome Checks::stay(const Caller& caller, std::uint64_t entry) {
  const auto stays = engine_.gate().holds().stay(entry, caller.moment);
  if (stays && !*stays) return Refused{error_text(ErrorId::StayOfConnection)};
  return stays.has_value();
}

void Checks::gone(std::uint32_t flow) { engine_.gate().holds().gone(flow, mono_now()); }

void write_entered(std::string& out, const EntryAnswer& answer) {
  if (answer.verdict == Verdict::Decided) return write_entry(out, answer.decision);
  ReplyWriter(out, 2).error(error_of(answer.verdict, *answer.limit));
}

}  // namespace rategate
