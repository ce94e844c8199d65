/* Timers: call a function on the timer's CPU when system time reaches a deadline.
 *
 * Each CPU has its own set (a pairing heap, so setting one never allocates) under its own lock. A
 * callback runs on that CPU with no lock held, from the path that leaves the hypervisor or from
 * idle; it may set or stop any timer, also its own. */
#ifndef CORE_TIME_TIMER_H
#define CORE_TIME_TIMER_H

#include "base/num.h"

struct timer {
    ns_t deadline;
    void (*fn)(void *arg);
    void *arg;
    uint32_t owner;             /* 1 + the CPU in whose set it is; 0: not set. Atomic */
    uint32_t cpu;               /* in whose set it was last */
    struct timer *child, *next; /* pairing heap: first child, next sibling */
    struct timer *prev;         /* previous sibling, or the parent of a first child */
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg);
/* Sets (or moves) it on the calling CPU. A deadline in the past fires as soon as possible. Two CPUs
 * may do so at once: one of them wins. */
void timer_set(struct timer *t, ns_t deadline);
/* After it returns, fn is not running and will not run, unless called from fn itself. Hold no lock
 * that fn takes. */
void timer_stop(struct timer *t);

static inline bool timer_is_set(const struct timer *t)
{
    return __atomic_load_n(&t->owner, __ATOMIC_RELAXED) != 0;
}

/* On the timer's CPU: run what is due, arm the clock for the rest. */
void timer_run(void);
/* Once per CPU, before its first timer. */
int timer_cpu_init(unsigned int cpu);
/* The earliest deadline of this CPU, NS_NEVER if none. */
ns_t timer_next_deadline(void);

#endif
