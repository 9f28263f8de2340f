// The way of a request through the verb table: look up, arity, room for the answer, handler.
#pragma once

#include <string>

#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

// Answers one request. `args` has at least one word. Does not allocate for a CHECK but what `out`
// needs to grow.
Handled dispatch(Caller& caller, const Services& services, const Args& args, std::string& out);

}  // namespace rategate
