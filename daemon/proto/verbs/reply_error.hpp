#pragma once

#include <initializer_list>
#include <string>

#include "daemon/proto/errors.hpp"
#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

// Appends an error reply.
Handled reply_error(std::string& out, ErrorId id, std::initializer_list<ErrorValue> values = {});
// Appends why it was refused, which may have cost as much as many answers: similar names were
// searched for, or files read.
Handled reply_refused(std::string& out, const Refused& refused);

}  // namespace rategate
