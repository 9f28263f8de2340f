#include "daemon/proto/verbs/enter_reply.hpp"

#include <cstdint>

#include "daemon/proto/resp/reply_writer.hpp"

namespace rategate {

// Integers are the same in RESP2 and RESP3.
void write_entry(std::string& out, const EntryDecision& decision) {
  ReplyWriter reply(out, 2);
  reply.array(5);
  reply.integer(decision.entered ? 1 : 0);
  reply.integer(decision.limit);
  reply.integer(decision.remaining);
  reply.integer(decision.retry_after_ms);
  reply.integer(static_cast<std::int64_t>(decision.entry));
}

}  // namespace rategate
