// EXPLAIN: what PEEK would say, and all that led to it, for people. Nothing is taken.
#include <memory>

#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/explain_reply.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_explain(Caller& caller, const Services& services, const Args& args,
                       std::string& out) {
  CheckRequest request;
  if (!read_check(kExplainVerb, args, request, out)) return Handled::Replied;
  request.takes = false;
  request.telling = caller.session.resp >= 3 ? Telling::Map3 : Telling::Map;
  const ExplainOutcome outcome = services.checks.explain(caller, request);
  if (const auto* parked = std::get_if<Parked>(&outcome)) {
    caller.waiter = parked->waiter;
    return Handled::Parked;
  }
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  write_explanation(out, *std::get<std::shared_ptr<const Explanation>>(outcome),
                    caller.session.resp);
  return Handled::RepliedAtCost;
}

}  // namespace

constinit const Verb kExplainVerb = {
    .name = "explain",
    .min_words = 2,
    .max_words = kAnyNumber,
    .heavy = true,
    .handler = handle_explain,
    .group = "rategate",
    .arguments = "<limit> [<key>] [COST <n>] [LIMIT <n> PERIOD <p>]",
    .summary = "Says what PEEK would, and tells all that leads to it",
};

}  // namespace rategate
