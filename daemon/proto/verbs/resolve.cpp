// RESOLVE: what the client library asks about a limit on its way into shared memory.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_resolve(Caller& caller, const Services& services, const Args& args,
                       std::string& out) {
  CheckRequest request;
  if (!read_check(kResolveVerb, args, request, out)) return Handled::Replied;
  const ResolveOutcome outcome = services.sharing.resolve(caller, request);
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  ReplyWriter reply(out, caller.session.resp);
  const auto& members = std::get<Resolved>(outcome);
  reply.array(8 * members.size());
  for (const ResolvedMember& member : members) {
    reply.integer(static_cast<std::int64_t>(member.rule));
    reply.integer(member.permits);
    reply.integer(member.period_ms);
    reply.integer(member.shared ? 1 : 0);
    reply.integer(member.keyed ? 1 : 0);
    reply.integer(member.kind);
    reply.integer(member.burst);
    reply.integer(member.longest_ms);
  }
  return Handled::Replied;
}

}  // namespace

constinit const Verb kResolveVerb = {
    .name = "resolve",
    .min_words = 2,
    .max_words = 7,
    .handler = handle_resolve,
    .group = "rategate",
    .arguments = "<limit> [<key>] [LIMIT <n> PERIOD <p>]",
    .summary = "Tells where a limit is found in shared memory",
};

}  // namespace rategate
