// PING: whether the daemon is there.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_ping(Caller& caller, const Services&, const Args& args, std::string& out) {
  ReplyWriter reply(out, caller.session.resp);
  if (args.size() == 1) {
    reply.simple("PONG");
  } else {
    reply.bulk(args[1]);
  }
  return Handled::Replied;
}

}  // namespace

constinit const Verb kPingVerb = {
    .name = "ping",
    .min_words = 1,
    .max_words = 2,
    .handler = handle_ping,
    .group = "connection",
    .arguments = "[<message>]",
    .summary = "Answers PONG, or the message",
};

}  // namespace rategate
