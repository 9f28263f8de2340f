// The litmus programs: the steps of docs/shared-memory.md, two or three threads of them at a time.
#pragma once

#include <vector>

#include "tests/model/explore.hpp"

namespace rategate::model {

// As the library and the daemon do it. None may break its promise.
std::vector<Program> litmus_programs();

// With a step left out or moved, the orders as they are. Each must break its promise.
std::vector<Program> litmus_mistakes();

}  // namespace rategate::model
