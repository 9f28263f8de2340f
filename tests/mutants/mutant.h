/* The switches of the known mistakes. Only copies of production files ask for them, which the build
 * makes by the patches in this folder; docs/simulation.md says how one is added. */
#ifndef RATEGATE_TESTS_MUTANTS_MUTANT_H
#define RATEGATE_TESTS_MUTANTS_MUTANT_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the mistake of that name is switched on: at first the one that $RATEGATE_MUTANT names. */
bool mutant(const char* name);
/* Switches that one on and every other off; "" for none. */
void set_mutant(const char* name);

#ifdef __cplusplus
}
#endif

#endif
