// SELECT: there is one database, which clients of Redis may name.
#include "daemon/base/duration.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_select(Caller& caller, const Services&, const Args& args, std::string& out) {
  const auto index = parse_whole(args[1], INT32_MIN, INT32_MAX);
  if (!index) return reply_error(out, ErrorId::DbNotNumber);
  if (*index != 0) return reply_error(out, ErrorId::DbOutOfRange);
  ReplyWriter(out, caller.session.resp).ok();
  return Handled::Replied;
}

}  // namespace

constinit const Verb kSelectVerb = {
    .name = "select",
    .min_words = 2,
    .max_words = 2,
    .handler = handle_select,
    .group = "connection",
    .arguments = "<index>",
    .summary = "Takes database 0, the only one",
};

}  // namespace rategate
