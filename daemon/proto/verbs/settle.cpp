// SETTLE and REFUND: what was used of the permits that a check took.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled settle(Caller& caller, const Services& services, const SettleRequest& request,
               std::string& out) {
  const SettleOutcome outcome = services.checks.settle(caller, request);
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  ReplyWriter reply(out, caller.session.resp);
  reply.integer(std::get<std::int64_t>(outcome));
  return Handled::Replied;
}

Handled handle_settle(Caller& caller, const Services& services, const Args& args,
                      std::string& out) {
  SettleRequest request;
  if (!read_settle(kSettleVerb, args, request, out)) return Handled::Replied;
  return settle(caller, services, request, out);
}

Handled handle_refund(Caller& caller, const Services& services, const Args& args,
                      std::string& out) {
  SettleRequest request;
  if (!read_refund(kRefundVerb, args, request, out)) return Handled::Replied;
  return settle(caller, services, request, out);
}

}  // namespace

constinit const Verb kSettleVerb = {
    .name = "settle",
    .min_words = 2,
    .max_words = kAnyNumber,
    .trusted = true,
    .handler = handle_settle,
    .group = "rategate",
    .arguments = "<limit> [<key>] TOOK <n> USED <n> AT <receipt> [LIMIT <n> PERIOD <p>]",
    .summary = "Says what was used of permits: less is given back, more is charged",
};

constinit const Verb kRefundVerb = {
    .name = "refund",
    .min_words = 2,
    .max_words = kAnyNumber,
    .trusted = true,
    .handler = handle_refund,
    .group = "rategate",
    .arguments = "<limit> [<key>] COST <n> AT <receipt> [LIMIT <n> PERIOD <p>]",
    .summary = "Gives permits back that were taken and not used",
};

}  // namespace rategate
