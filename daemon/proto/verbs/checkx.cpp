// CHECKX: CHECK, and all that there is to know of its decision, by name.
#include "daemon/proto/verbs/check_reply.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_checkx(Caller& caller, const Services& services, const Args& args,
                      std::string& out) {
  CheckRequest request;
  if (!read_check(kCheckxVerb, args, request, out)) return Handled::Replied;
  request.telling = caller.session.resp >= 3 ? Telling::Map3 : Telling::Map;
  return reply_to_check(caller, services.checks.check(caller, request), request.telling, out);
}

}  // namespace

constinit const Verb kCheckxVerb = {
    .name = "checkx",
    .min_words = 2,
    .max_words = kAnyNumber,
    .handler = handle_checkx,
    .group = "rategate",
    .arguments = "<limit> [<key>] [COST <n>] [LIMIT <n> PERIOD <p>]",
    .summary = "Does what CHECK does, and tells all of the decision as a map",
};

}  // namespace rategate
