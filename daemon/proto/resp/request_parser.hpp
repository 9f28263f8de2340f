// Finds one request at the start of the bytes that a connection has received: a multibulk of RESP
// or an inline command. It works in place and allocates nothing once `Args` has grown to what the
// traffic needs; a count that is announced costs nothing before its bytes are there. Malformed
// bytes get the very text that Redis 7 has for them; docs/protocol.md says where it is stricter.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/proto/errors.hpp"
#include "daemon/proto/resp/args.hpp"

namespace rategate {

enum class Parsed {
  Request,     // `args` holds it, at least one word
  Skip,        // nothing to answer (an empty line, "*0"): drop `consumed` bytes
  Incomplete,  // more bytes are needed
  Error,       // answer `error`, then close: what follows cannot be told apart any more
};

struct ParseResult {
  Parsed kind = Parsed::Incomplete;
  // Bytes that are done with, for Request and Skip; else 0.
  std::size_t consumed = 0;
  // For Error: the text of the reply, without '-' and CRLF.
  ErrorText error;
  // For Incomplete: asking again is of no use before the request has so many bytes, counted from
  // its start. Always above bytes.size(), never above max_request.
  std::size_t need = 0;
};

// What is known of a request that is not all there yet, so that one that arrives in small pieces is
// still read only once. Offsets count from the request's start: the bytes may move in memory.
struct Progress {
  std::size_t position = 0;   // where the next argument starts; 0: nothing is read yet
  std::size_t remaining = 0;  // arguments from there on
  std::size_t searched = 0;   // the current line's end is not before this
};

// `bytes` starts with a request. `max_request` is the most bytes that a request may have, with
// everything in it, and at least 1. What comes out does not depend on how the bytes arrived: a
// prefix gives Incomplete, or the same result as the whole.
ParseResult parse_request(std::string_view bytes, std::size_t max_request, Args& args);

// The same, going on where the last call with `progress` stopped; that call's bytes are the start
// of these. Starts afresh by itself after anything but Incomplete.
ParseResult parse_request(std::string_view bytes, std::size_t max_request, Args& args,
                          Progress& progress);

}  // namespace rategate
