/* Moments at which a process may be stopped: the simulation lets anything happen in between. In the
 * build that users get, nothing of it is left. */
#ifndef RATEGATE_SHM_STEP_H
#define RATEGATE_SHM_STEP_H

#ifdef RATEGATE_STEPS
#ifdef __cplusplus
extern "C" {
#endif
/* A moment between two steps on shared memory. */
void rg_step(void);
#ifdef __cplusplus
}
#endif
#else
#define rg_step() ((void)0)
#endif

#endif
