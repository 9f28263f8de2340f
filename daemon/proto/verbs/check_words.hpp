// The words of CHECK, which RESOLVE takes as well.
#pragma once

#include <string>

#include "daemon/proto/resp/args.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

// The words as a request that is in order; else false, after it has appended what is wrong. Views
// the words.
[[nodiscard]] bool read_check(const Args& args, CheckRequest& request, std::string& out);

}  // namespace rategate
