// Splits an inline command into words, by the rules of redis-cli and Redis' own inline commands.
#pragma once

#include <string_view>

#include "daemon/proto/resp/args.hpp"

namespace rategate {

// The words of one line (without its line end). Words are separated by white space. "..." knows
// \n \r \t \b \a, \xHH and \ before any other byte; '...' knows \' only; a closing quote ends the
// word. False where quotes are unbalanced, or something other than white space follows one; `args`
// is then of no use. A zero byte is a byte like any other (to Redis it ends the line).
[[nodiscard]] bool split_inline(std::string_view line, Args& args);

}  // namespace rategate
