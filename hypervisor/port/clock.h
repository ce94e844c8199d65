/* Time as the core sees it, and preemption. */
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H

#include "base/num.h"

/* System time: nanoseconds since boot, monotonic on each CPU, within microseconds across CPUs. */
ns_t now(void);

/* TSC ticks a second; 0: not known yet. */
extern uint64_t tsc_hz;

/* (Re-)program this CPU's one-shot interrupt; NS_NEVER switches it off. A past time fires at
 * once. */
#define NS_NEVER INT64_MAX
void clock_arm(ns_t deadline);

/* What a function that was cut short returns: call again with the same. As the result of a
 * hypercall handler: the guest executes it again. Outside of all errno values. */
#define HC_AGAIN (-0x7fff0000L)

/* For long work, every few dozen steps, no lock held: lets pending interrupts in and says whether
 * the caller should stop here and continue later (a reschedule or an event is due). */
bool preempt_wanted(void);

/* Number of the CPU this runs on; those that are up. */
unsigned int cpu_id(void);

#endif
