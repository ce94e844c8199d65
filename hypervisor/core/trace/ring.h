/* Trace: fixed records in a ring per CPU, by class; for finding out what happened in what order.
 *
 * Off (no memory) until trace_enable(). A record costs one test of a word while its class is
 * off. */
#ifndef CORE_TRACE_RING_H
#define CORE_TRACE_RING_H

#include "base/num.h"

enum trace_class {
    TRACE_SCHED = 1, /* a: vcpu that stops (domid << 16 | vcpu, ~0 idle), b: vcpu that runs */
    TRACE_IRQ = 2,   /* a: vector, b: pirq's port or 0 */
    TRACE_TIMER = 4, /* a: deadline */
    TRACE_HC = 8,    /* a: hypercall number, b: result */
};

struct trace_record {
    uint64_t time; /* ns of system time */
    uint16_t what; /* enum trace_class */
    uint16_t cpu;
    uint32_t who; /* domid << 16 | vcpu of the current vcpu, ~0 idle */
    uint64_t a, b;
};

#define TRACE_RECORDS 128u /* per CPU: one page */
#define TRACE_CPUS    64u

extern uint32_t trace_classes;

void trace_put(enum trace_class what, uint64_t a, uint64_t b);

static inline void trace(enum trace_class what, uint64_t a, uint64_t b)
{
    if (unlikely(trace_classes & (uint32_t)what))
        trace_put(what, a, b);
}

/* Classes to record from now on; memory for `cpus` CPUs is taken the first time. -XEN_ENOMEM. */
int trace_enable(uint32_t classes, unsigned int cpus);
/* The n-th newest record of a CPU (0: the newest); false: there is none. Consistent only if the CPU
 * does not record meanwhile. */
bool trace_get(unsigned int cpu, unsigned int n, struct trace_record *out);

#endif
