// The hooks of the program whose core has the mistakes compiled in: daemon/base/mutant.hpp has
// them.
#include "daemon/base/mutant.hpp"
#include "tests/sim/hooks.hpp"

namespace rategate::sim {

bool has_mistakes() { return true; }
void make_mistake(const std::string& name) {
  static std::string kept;
  kept = name;
  active_mutant() = kept;
}
bool mistake(std::string_view name) { return mutant(name); }
void set_step(std::function<void()> step) { step_hook() = std::move(step); }

}  // namespace rategate::sim
