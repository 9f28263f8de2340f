// The hooks of the program whose core and client are copies with the mistakes in them.
#include "tests/mutants/mutant.h"
#include "tests/sim/hooks.hpp"

namespace rategate::sim {

bool has_mistakes() { return true; }
void make_mistake(const std::string& name) { set_mutant(name.c_str()); }
bool mistake(const char* name) { return mutant(name); }

}  // namespace rategate::sim
