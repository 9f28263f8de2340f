// The litmus programs of clients that put permits back into the word that they took them from.
#pragma once

#include <vector>

#include "tests/model/explore.hpp"

namespace rategate::model {

// As the library and the daemon do it. None may break its promise.
std::vector<Program> put_back_programs();

// Those of them in which a permit is carried from the beginning. None may break its promise,
// whichever order is weakened: the end in the swapped word is enough.
std::vector<Program> carried_programs();

// With a step left out or done otherwise. Each must break its promise.
std::vector<Program> put_back_mistakes();

}  // namespace rategate::model
