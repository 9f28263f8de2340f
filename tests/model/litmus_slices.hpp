// The litmus programs of two words that are open at once: slices.
#pragma once

#include <vector>

#include "tests/model/explore.hpp"

namespace rategate::model {

// As the library and the daemon do it. None may break its promise.
std::vector<Program> slice_programs();

// With a step left out. Each must break its promise.
std::vector<Program> slice_mistakes();

}  // namespace rategate::model
