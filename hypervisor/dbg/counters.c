/* Prints the counters. */
#include "dbg/counters.h"
#include "port/kick.h"
#include "port/log.h"

struct cpu_counters counters[64];

void counters_dump(void)
{
    log_err("interrupts:       timer         kick       device\n");
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzll(left);

        log_err("  cpu%-2u %12lu %12lu %12lu\n", cpu, counters[cpu].n[COUNT_TIMER],
                counters[cpu].n[COUNT_KICK], counters[cpu].n[COUNT_DEVICE]);
    }
}
