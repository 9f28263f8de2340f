#pragma once

#include <initializer_list>
#include <string>

#include "daemon/proto/errors.hpp"
#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

// Appends an error reply.
Handled reply_error(std::string& out, ErrorId id, std::initializer_list<ErrorValue> values = {});

}  // namespace rategate
