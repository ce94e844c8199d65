/*
 * Timers: call a function on the timer's CPU when system time reaches a deadline.
 *
 * Each CPU has its own set under its own lock. A callback runs on that CPU with no lock held, from
 * the path that leaves the hypervisor or from idle; it may set any timer, also its own.
 */
#ifndef CORE_TIME_TIMER_H
#define CORE_TIME_TIMER_H

#include "base/num.h"

struct timer {
    ns_t deadline;
    void (*fn)(void *arg);
    void *arg;
    uint32_t cpu;
    int32_t slot; /* place in its CPU's heap; -1: not set */
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg);
/* Sets (or moves) it on the calling CPU. A deadline in the past fires as soon as possible. */
void timer_set(struct timer *t, ns_t deadline);
/* After it returns, fn is not running and will not run, unless called from fn itself. */
void timer_stop(struct timer *t);

/* On the timer's CPU: run what is due, arm the clock for the rest. */
void timer_run(void);
/* Once per CPU, before its first timer. */
int timer_cpu_init(unsigned int cpu);

#endif
