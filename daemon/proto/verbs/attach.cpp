// ATTACH: the client library's way into shared memory.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_attach(Caller& caller, const Services& services, const Args&, std::string& out) {
  const AttachOutcome outcome = services.sharing.attach(caller);
  ReplyWriter reply(out, caller.session.resp);
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

}  // namespace

constinit const Verb kAttachVerb = {
    .name = "attach",
    .min_words = 1,
    .max_words = 1,
    .handler = handle_attach,
    .group = "rategate",
    .summary = "Hands out the shared memory, for the client library",
};

}  // namespace rategate
