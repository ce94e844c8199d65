/* Counters of what each CPU did, for a debug key. */
#ifndef DBG_COUNTERS_H
#define DBG_COUNTERS_H

#include "base/num.h"

enum counter { COUNT_TIMER, COUNT_KICK, COUNT_DEVICE, COUNTERS };

struct cpu_counters {
    uint64_t n[COUNTERS];
} __attribute__((aligned(64)));

extern struct cpu_counters counters[64];

static inline void count(unsigned int cpu, enum counter c)
{
    counters[cpu].n[c]++;
}

#endif
