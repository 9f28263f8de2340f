// The process around the daemon: its environment, its log and its loop.
#pragma once

#include "daemon/app/options.hpp"
#include "daemon/config/config.hpp"

namespace rategate {

// Serves until a signal ends it; answers the process' exit code. Once in a process: it changes the
// environment, and how signals are handled.
int serve(const Options& options, const Config& config);

}  // namespace rategate
