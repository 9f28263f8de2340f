// RESET: what a pool sends before it gives a connection to somebody else.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_reset(Caller& caller, const Services&, const Args&, std::string& out) {
  caller.session.resp = 2;
  caller.session.name.clear();
  ReplyWriter(out, caller.session.resp).simple("RESET");
  return Handled::Replied;
}

}  // namespace

constinit const Verb kResetVerb = {
    .name = "reset",
    .min_words = 1,
    .max_words = 1,
    .handler = handle_reset,
    .group = "connection",
    .summary = "Takes the connection back to RESP2 and no name",
};

}  // namespace rategate
