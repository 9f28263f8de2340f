// What overrides the configuration's file: the environment, the password that lies elsewhere, and
// the command line.
#pragma once

#include "daemon/config/loading.hpp"
#include "daemon/config/sources.hpp"

namespace rategate {

void apply_overrides(const Sources&, Loading&);

}  // namespace rategate
