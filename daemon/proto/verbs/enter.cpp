// ENTER, LEAVE and STAY: who is at work under a limit of concurrency.
#include <cstdint>
#include <optional>

#include "daemon/base/duration.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/enter_reply.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

constexpr std::int64_t kMostTicket = (std::int64_t{1} << 53) - 1;

// False after it has appended what is wrong.
bool read_ticket(std::string_view word, std::uint64_t& ticket, std::string& out) {
  const auto number = parse_whole(word, 1, kMostTicket);
  if (!number) {
    reply_error(out, ErrorId::InvalidTicket, {word});
    return false;
  }
  ticket = static_cast<std::uint64_t>(*number);
  return true;
}

Handled handle_enter(Caller& caller, const Services& services, const Args& args, std::string& out) {
  EnterRequest request;
  if (!read_enter(kEnterVerb, args, request, out)) return Handled::Replied;
  caller.session.enters = true;
  const EnterOutcome outcome = services.checks.enter(caller, request);
  if (std::holds_alternative<Parked>(outcome)) return Handled::Parked;
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  write_entry(out, std::get<EntryDecision>(outcome));
  return Handled::Replied;
}

Handled handle_leave(Caller& caller, const Services& services, const Args& args, std::string& out) {
  std::uint64_t ticket = 0;
  if (!read_ticket(args[1], ticket, out)) return Handled::Replied;
  const bool left = services.checks.leave(caller, ticket);
  ReplyWriter(out, caller.session.resp).integer(left ? 1 : 0);
  return Handled::Replied;
}

Handled handle_stay(Caller& caller, const Services& services, const Args& args, std::string& out) {
  std::uint64_t ticket = 0;
  if (!read_ticket(args[1], ticket, out)) return Handled::Replied;
  const StayOutcome outcome = services.checks.stay(caller, ticket);
  ReplyWriter reply(out, caller.session.resp);
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    reply.error(refused->error);
  } else {
    reply.integer(std::get<bool>(outcome) ? 1 : 0);
  }
  return Handled::Replied;
}

}  // namespace

constinit const Verb kEnterVerb = {
    .name = "enter",
    .min_words = 2,
    .max_words = kAnyNumber,
    .handler = handle_enter,
    .group = "rategate",
    .arguments = "<limit> [<key>] [COST <n>] [TIMEOUT <ms>] [FOR <ms>]",
    .summary = "Begins work under a limit of concurrency",
};

constinit const Verb kLeaveVerb = {
    .name = "leave",
    .min_words = 2,
    .max_words = 2,
    .handler = handle_leave,
    .group = "rategate",
    .arguments = "<ticket>",
    .summary = "Ends work that ENTER has begun",
};

constinit const Verb kStayVerb = {
    .name = "stay",
    .min_words = 2,
    .max_words = 2,
    .handler = handle_stay,
    .group = "rategate",
    .arguments = "<ticket>",
    .summary = "Says that work goes on which has entered FOR a time",
};

}  // namespace rategate
