// CLEAR: the limit begins anew for a key, on all hosts.
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_clear(Caller& caller, const Services& services, const Args& args, std::string& out) {
  CheckRequest request;
  if (!read_clear(kClearVerb, args, request, out)) return Handled::Replied;
  const ClearOutcome outcome = services.checks.clear(caller, request);
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  caller.waiter = std::get<Parked>(outcome).waiter;
  return Handled::Parked;
}

}  // namespace

constinit const Verb kClearVerb = {
    .name = "clear",
    .min_words = 2,
    .max_words = kAnyNumber,
    .admin = true,
    .handler = handle_clear,
    .group = "rategate",
    .arguments = "<limit> [<key>] [LIMIT <n> PERIOD <p>]",
    .summary = "Lets a limit begin anew on all hosts",
};

}  // namespace rategate
