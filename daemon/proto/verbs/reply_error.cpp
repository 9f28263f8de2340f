#include "daemon/proto/verbs/reply_error.hpp"

#include "daemon/proto/resp/reply_writer.hpp"

namespace rategate {

Handled reply_error(std::string& out, ErrorId id, std::initializer_list<ErrorValue> values) {
  ReplyWriter(out, 2).error(error_text(id, values));
  return Handled::Replied;
}

Handled reply_refused(std::string& out, const Refused& refused) {
  ReplyWriter(out, 2).error(refused.error);
  return Handled::RepliedAtCost;
}

}  // namespace rategate
