// The answer to ENTER, at once or later.
#pragma once

#include <string>

#include "daemon/core/entering.hpp"

namespace rategate {

void write_entry(std::string& out, const EntryDecision& decision);

}  // namespace rategate
