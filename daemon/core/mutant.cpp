// What client/mutant.h declares, for the test builds that have mutants.
#include "daemon/core/mutant.hpp"

#ifdef RATEGATE_MUTANTS
#include "client/mutant.h"

int rg_mutant(const char* name) { return rategate::mutant(name) ? 1 : 0; }
void rg_step() {
  if (rategate::step_hook()) rategate::step_hook()();
}
#endif
