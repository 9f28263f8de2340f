// RELOAD: the configuration is loaded anew, as by SIGHUP, and the caller is told what came of it.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_reload(Caller& caller, const Services& services, const Args&, std::string& out) {
  const ReloadOutcome outcome = services.config.reload(caller);
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  ReplyWriter reply(out, caller.session.resp);
  const auto& reloaded = std::get<Reloaded>(outcome);
  reply.map(2);
  reply.bulk("limits");
  reply.integer(static_cast<std::int64_t>(reloaded.limits));
  reply.bulk("needs_restart");
  reply.bulk(reloaded.needs_restart);
  return Handled::RepliedAtCost;
}

}  // namespace

constinit const Verb kReloadVerb = {
    .name = "reload",
    .min_words = 1,
    .max_words = 1,
    .admin = true,
    .handler = handle_reload,
    .group = "rategate",
    .summary = "Loads the configuration anew",
};

}  // namespace rategate
