// Writes replies of RESP2 and RESP3. The two differ in null, map, set and text only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/core/ask.hpp"
#include "daemon/limit/decision.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

// Appends to `out`, which must outlive it. Who opens an aggregate writes what he announced.
class ReplyWriter {
 public:
  // `resp` is 2 or 3.
  ReplyWriter(std::string& out, int resp) : out_(out), resp3_(resp >= 3) {}

  // One line each. A control byte in `text` is written as a space, so that nothing can end the
  // reply early; who shows what a user sent has escaped it before (errors.hpp).
  void simple(std::string_view text);
  void error(std::string_view text);  // without the '-', with the code: "ERR ..."
  void ok() { simple("OK"); }

  void integer(std::int64_t value);
  void bulk(std::string_view bytes);  // any bytes
  void null();                        // RESP2: the null bulk string
  void text(std::string_view text);   // RESP2: a bulk string; RESP3: a verbatim string, "txt"
  // The same in parts: who begins a text appends so many bytes himself, and then its end.
  void begin_text(std::size_t bytes);
  void end_text();

  void array(std::size_t elements);
  void map(std::size_t pairs);     // RESP2: an array of twice as many
  void set(std::size_t elements);  // RESP2: an array

 private:
  void header(char type, std::int64_t value);
  void line(char type, std::string_view text);

  std::string& out_;
  bool resp3_;
};

// CHECK's answer, the same in RESP2 and RESP3: an array of allowed, limit, remaining,
// retry_after_ms, reset_after_ms and reason.
void write_decision(std::string& out, const Decision& decision);
// CHECKALL's answer: the same with one more behind the first, the place in the call of the limit
// that it is of, from 0.
void write_all(std::string& out, const Decision& decision);
// The answer of CL.THROTTLE.
void write_cell(std::string& out, const Decision& decision);

// CHECKX's answer: a map of what the decision says, and of the limit that it is of.
void write_explained(std::string& out, const Decision& decision, const Limit& limit, int resp);
// One of these three. `limit` may be null where no map is told.
void write_told(std::string& out, Telling telling, const Decision& decision, const Limit* limit);

// The answers to `count` more of the same check, each of which took `taken` permits.
void write_repeated(std::string& out, const Decision& decision, std::int64_t taken,
                    std::size_t count);

}  // namespace rategate
