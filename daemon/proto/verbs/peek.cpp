// PEEK: what CHECK would say, of which nothing is taken.
#include "daemon/proto/verbs/check_reply.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_peek(Caller& caller, const Services& services, const Args& args, std::string& out) {
  CheckRequest request;
  if (!read_check(kPeekVerb, args, request, out)) return Handled::Replied;
  request.takes = false;
  return reply_to_check(caller, services.checks.check(caller, request), request.telling, out);
}

}  // namespace

constinit const Verb kPeekVerb = {
    .name = "peek",
    .min_words = 2,
    .max_words = kAnyNumber,
    .handler = handle_peek,
    .group = "rategate",
    .arguments = "<limit> [<key>] [COST <n>] [LIMIT <n> PERIOD <p>]",
    .summary = "Says what CHECK would, and takes nothing",
};

}  // namespace rategate
