#include "daemon/proto/verbs/check_reply.hpp"

#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/reply_error.hpp"

namespace rategate {

Handled reply_to_check(Caller& caller, const CheckOutcome& outcome, Telling telling,
                       std::string& out) {
  if (const auto* parked = std::get_if<Parked>(&outcome)) {
    caller.waiter = parked->waiter;
    return Handled::Parked;
  }
  if (const auto* refused = std::get_if<Refused>(&outcome)) return reply_refused(out, *refused);
  if (const auto* explained = std::get_if<Explained>(&outcome)) {
    write_told(out, telling, explained->decision, explained->limit.get());
  } else {
    write_told(out, telling, std::get<Decision>(outcome), nullptr);
  }
  return Handled::Replied;
}

}  // namespace rategate
