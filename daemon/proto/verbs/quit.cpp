// QUIT: the polite end of a connection.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_quit(Caller& caller, const Services&, const Args&, std::string& out) {
  ReplyWriter(out, caller.session.resp).ok();
  return Handled::Close;
}

}  // namespace

constinit const Verb kQuitVerb = {
    .name = "quit",
    .min_words = 1,
    .max_words = kAnyNumber,
    .handler = handle_quit,
    .group = "connection",
    .summary = "Answers OK and closes the connection",
};

}  // namespace rategate
