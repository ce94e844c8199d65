/* What the core asks of other CPUs. */
#ifndef PORT_KICK_H
#define PORT_KICK_H

#include "port/tlb.h"

struct vcpu;

/* CPU will run the scheduler (cpu_resched) or look at its timers before it next enters a guest. */
void cpu_resched(unsigned int cpu);

/* If v runs on another CPU right now, make that CPU pass through the hypervisor soon. */
void cpu_kick_vcpu(struct vcpu *v);

extern cpumask_t cpus_online;

/* How many are online. */
static inline unsigned int cpu_count(void)
{
    return (unsigned int)__builtin_popcountll(cpus_online);
}

#endif
