#include "tests/sim/utilisation.hpp"

namespace rategate::sim {
bool judge_utilisation() { return true; }
}  // namespace rategate::sim
