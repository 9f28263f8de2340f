// RESOLVE and ATTACH: what the client library asks on its way into shared memory.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/handlers.hpp"

namespace rategate {

Handled handle_resolve(Session& session, Service& service, const Args& args, std::string& out) {
  CheckRequest request;
  if (!read_check(args, request, out)) return Handled::Replied;
  const ResolveOutcome outcome = service.resolve(session, request);
  ReplyWriter reply(out, session.resp);
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    reply.error(refused->error);
    return Handled::Replied;
  }
  const auto& resolved = std::get<Resolved>(outcome);
  reply.array(5);
  reply.integer(static_cast<std::int64_t>(resolved.rule));
  reply.integer(resolved.permits);
  reply.integer(resolved.period_ms);
  reply.integer(resolved.shared ? 1 : 0);
  reply.integer(resolved.keyed ? 1 : 0);
  return Handled::Replied;
}

Handled handle_attach(Session& session, Service& service, const Args&, std::string& out) {
  const AttachOutcome outcome = service.attach(session);
  ReplyWriter reply(out, session.resp);
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    reply.error(refused->error);
    return Handled::Replied;
  }
  const auto& attached = std::get<Attached>(outcome);
  reply.array(4);
  reply.integer(attached.layout_version);
  reply.integer(static_cast<std::int64_t>(attached.generation));
  reply.integer(attached.monotonic_ns);
  reply.integer(static_cast<std::int64_t>(attached.bytes));
  return Handled::Attach;
}

}  // namespace rategate
