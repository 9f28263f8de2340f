// EXPLAIN's answer: a map, with one for each limit in it, and in that one for each of its counters.
// docs/protocol.md has the fields.
#pragma once

#include <string>

#include "daemon/core/explanation.hpp"

namespace rategate {

void write_explanation(std::string& out, const Explanation& explanation, int resp);

}  // namespace rategate
