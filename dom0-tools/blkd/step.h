/*
 * The places where a kill would hurt most. In a test (-DKILL_STEPS) each of them may be the last.
 */
#ifndef BLKD_STEP_H
#define BLKD_STEP_H

#ifdef KILL_STEPS
void step(void);
#else
static inline void step(void)
{
}
#endif

/* What is stored before is in the state file before what is stored after, whenever we are killed.
 */
static inline void store_order(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
