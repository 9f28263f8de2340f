// The reply to a check, where it is known at once; else the reply that comes later is announced.
#pragma once

#include <string>

#include "daemon/core/ask.hpp"
#include "daemon/proto/service.hpp"
#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

Handled reply_to_check(Caller& caller, const CheckOutcome& outcome, Telling telling,
                       std::string& out);

}  // namespace rategate
