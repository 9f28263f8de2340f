// The litmus programs of slots that say that a key is blocked.
#pragma once

#include <vector>

#include "tests/model/explore.hpp"

namespace rategate::model {

// As the library and the daemon do it. None may break its promise.
std::vector<Program> ban_programs();

// With a step left out or done otherwise. Each must break its promise.
std::vector<Program> ban_mistakes();

}  // namespace rategate::model
