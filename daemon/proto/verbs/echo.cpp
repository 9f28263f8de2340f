// ECHO: the message again.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_echo(Caller& caller, const Services&, const Args& args, std::string& out) {
  ReplyWriter(out, caller.session.resp).bulk(args[1]);
  return Handled::Replied;
}

}  // namespace

constinit const Verb kEchoVerb = {
    .name = "echo",
    .min_words = 2,
    .max_words = 2,
    .handler = handle_echo,
    .group = "connection",
    .arguments = "<message>",
    .summary = "Answers the message",
};

}  // namespace rategate
