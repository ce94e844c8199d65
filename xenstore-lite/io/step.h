/*
 * The places where a kill would hurt most. In a daemon built for the kill test (-DKILL_STEPS)
 * each of them may be its last; in any other they are nothing.
 */
#ifndef IO_STEP_H
#define IO_STEP_H

#ifdef KILL_STEPS
void step(void);
#else
static inline void step(void)
{
}
#endif

/* What is stored before is in the shared page before what is stored after, whenever we are killed.
 */
static inline void store_order(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
