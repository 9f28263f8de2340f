// CHECK: from words to a decision, and from that to a reply.
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/check_reply.hpp"
#include "daemon/proto/verbs/check_words.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

// The most copies that are answered in one step: what one answer may grow by.
constexpr std::size_t kMaxRepeats = 128;

// A pipeline often says the same again and again. Copies of a request that stand right behind it
// have arrived, so that they are decided at the same moment, and in one step.
void answer_copies(Caller& caller, const Services& services, const CheckRequest& request,
                   const Decision& decision, std::string& out) {
  std::size_t copies = 0;
  std::string_view behind = caller.behind;
  while (copies < kMaxRepeats && !caller.request.empty() && behind.starts_with(caller.request)) {
    behind.remove_prefix(caller.request.size());
    ++copies;
  }
  if (copies == 0) return;
  const std::int64_t done =
      services.checks.repeat(caller, request, decision, static_cast<std::int64_t>(copies));
  caller.repeats = static_cast<std::size_t>(done);
  if (done > 0) {
    write_repeated(out, decision, decision.allowed ? request.cost : 0, caller.repeats);
  }
}

Handled handle_check(Caller& caller, const Services& services, const Args& args, std::string& out) {
  CheckRequest request;
  if (!read_check(kCheckVerb, args, request, out)) return Handled::Replied;
  const CheckOutcome outcome = services.checks.check(caller, request);
  const auto* decision = std::get_if<Decision>(&outcome);
  if (decision == nullptr) return reply_to_check(caller, outcome, Telling::Integers, out);
  write_decision(out, *decision);
  answer_copies(caller, services, request, *decision, out);
  return Handled::Replied;
}

}  // namespace

constinit const Verb kCheckVerb = {
    .name = "check",
    .min_words = 2,
    .max_words = kAnyNumber,
    .handler = handle_check,
    .group = "rategate",
    .arguments = "<limit> [<key>] [COST <n>] [LIMIT <n> PERIOD <p>]",
    .summary = "Takes permits of a limit, or says how long to wait",
};

}  // namespace rategate
