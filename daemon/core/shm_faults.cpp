// What shm/faults.h declares, for the test builds that have mutants.
#ifdef RATEGATE_MUTANTS
#include "daemon/base/mutant.hpp"
#include "shm/faults.h"

int rg_mutant(const char* name) { return rategate::mutant(name) ? 1 : 0; }
void rg_step() {
  if (rategate::step_hook()) rategate::step_hook()();
}
#endif
