// The lines that the log gets of the sentinels: one table.
#pragma once

#include <string_view>

#include "daemon/io/log/log.hpp"
#include "daemon/store/sentinel/sentinel_topology.hpp"

namespace rategate {

// `master` is the name of the primary that they watch.
void log_sentinel_event(Log& log, const SentinelEvent& event, std::string_view master);

}  // namespace rategate
