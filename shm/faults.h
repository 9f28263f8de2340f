/* Known mistakes, and moments at which a process may be stopped: both only in test builds, so that
 * tests can show that they catch the mistakes, and can let anything happen in between. In the build
 * that users get, nothing of it is left. */
#ifndef RATEGATE_SHM_FAULTS_H
#define RATEGATE_SHM_FAULTS_H

#ifdef RATEGATE_MUTANTS
#ifdef __cplusplus
extern "C" {
#endif
/* Whether the mistake of that name is switched on. */
int rg_mutant(const char* name);
/* A moment between two steps on shared memory. */
void rg_step(void);
#ifdef __cplusplus
}
#endif
#else
#define rg_mutant(name) 0
#define rg_step() ((void)0)
#endif

#endif
