// Users and groups of this host, by name or by number as in "www-data" or "33".
//
// A name may be looked up over a network (nsswitch.conf), and so these may block for long: they are
// for the start, before anybody waits for an answer.
#pragma once

#include <sys/types.h>

#include <string>

#include "daemon/base/result.hpp"

namespace rategate {

// What is a name of the system's is that, even if it looks like a number. A number need not belong
// to anybody; the last one of all is refused, because it means "none" to chown and its like.
// Error: "there is no user 'x'", or why the name could not be looked up.
Result<uid_t> user_id(const std::string& name);
Result<gid_t> group_id(const std::string& name);

}  // namespace rategate
