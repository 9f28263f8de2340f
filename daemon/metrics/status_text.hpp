// The daemon's state in one line, for the service manager's status.
#pragma once

#include <string>
#include <string_view>

#include "daemon/metrics/snapshot.hpp"

namespace rategate {

// `reload_fault`: why the last reload was not taken; empty where it was.
std::string status_text(const Overview& overview, std::string_view reload_fault);

}  // namespace rategate
