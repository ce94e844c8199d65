/*
 * The scheduler: fair shares by weight, caps, pinning; one run queue, ordered by virtual time.
 */
#ifndef CORE_SCHED_SCHED_H
#define CORE_SCHED_SCHED_H

#include "base/num.h"
#include "port/tlb.h"

struct vcpu;
struct domain;

struct sched_vcpu {
    /* Why it may not run; 0 = runnable. RANK_SCHED. */
    uint32_t reasons;
    uint32_t runstate;        /* RUNSTATE_* of the ABI */
    ns_t state_since;
    uint64_t state_time[4];   /* ns in each */
    uint32_t cpu;             /* where it runs or last ran */
    bool running;             /* on cpu now, registers not yet saved; cleared with release order */
    cpumask_t hard, soft;
    /* ... the scheduler's own */
};

enum { SCHED_BLOCKED = 1, SCHED_DOWN = 2, SCHED_PAUSED = 4, SCHED_SHUTDOWN = 8, SCHED_POLL = 16 };

#endif
