// ACQUIRE and ACQUIREX: CHECK and CHECKX that wait where they would be denied.
#include "daemon/proto/verbs/check_reply.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled acquire(Caller& caller, const Services& services, const Verb& verb, Telling telling,
                const Args& args, std::string& out) {
  CheckRequest request;
  if (!read_acquire(verb, args, request, out)) return Handled::Replied;
  request.telling = telling;
  return reply_to_check(caller, services.checks.check(caller, request), telling, out);
}

Handled handle_acquire(Caller& caller, const Services& services, const Args& args,
                       std::string& out) {
  return acquire(caller, services, kAcquireVerb, Telling::Integers, args, out);
}

Handled handle_acquirex(Caller& caller, const Services& services, const Args& args,
                        std::string& out) {
  const Telling map = caller.session.resp >= 3 ? Telling::Map3 : Telling::Map;
  return acquire(caller, services, kAcquirexVerb, map, args, out);
}

constexpr std::string_view kArguments =
    "<limit> [<key>] [COST <n>] TIMEOUT <ms> [LIMIT <n> PERIOD <p>]";

}  // namespace

constinit const Verb kAcquireVerb = {
    .name = "acquire",
    .min_words = 4,
    .max_words = kAnyNumber,
    .handler = handle_acquire,
    .group = "rategate",
    .arguments = kArguments,
    .summary = "Takes permits of a limit, and waits for them where there are none",
};

constinit const Verb kAcquirexVerb = {
    .name = "acquirex",
    .min_words = 4,
    .max_words = kAnyNumber,
    .handler = handle_acquirex,
    .group = "rategate",
    .arguments = kArguments,
    .summary = "Does what ACQUIRE does, and tells all of the decision as a map",
};

}  // namespace rategate
