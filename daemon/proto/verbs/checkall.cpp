// CHECKALL: several limits in one decision.
#include <vector>

#include "daemon/proto/verbs/check_reply.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_checkall(Caller& caller, const Services& services, const Args& args,
                        std::string& out) {
  std::vector<CheckRequest> requests;
  if (!read_checkall(kCheckallVerb, args, requests, out)) return Handled::Replied;
  return reply_to_check(caller, services.checks.check_all(caller, requests), Telling::All, out);
}

}  // namespace

constinit const Verb kCheckallVerb = {
    .name = "checkall",
    .min_words = 4,
    .max_words = kAnyNumber,
    .handler = handle_checkall,
    .group = "rategate",
    .arguments = "<limit> <key> <cost> [<limit> <key> <cost> ...]",
    .summary = "Takes permits of all these limits, or of none",
};

}  // namespace rategate
