/* Time: the TSC scaled to nanoseconds on each CPU, held true by a platform timer (HPET or ACPI PM
 * timer, else the PIT), and handed to guests in the ABI's pvclock form. */
#ifndef X86_TIME_H
#define X86_TIME_H

#include "abi/abi.h"
#include "base/num.h"
#include "port/clock.h"
#include "port/wall.h"

struct vcpu;
struct domain;

/* clocksource= : "hpet", "acpi", "pit", "tsc", NULL. 0, -XEN_EINVAL. Before machine_init(). */
int time_option(const char *clocksource);

/* Boot CPU: platform timer, TSC frequency, wall clock. Some milliseconds. */
void time_init(void);
/* Each other CPU as it starts, and the boot CPU from machine_init(). */
void time_cpu_init(void);
/* Each CPU once timers run: starts the comparison with the platform timer. */
void time_keep_true(void);

/* Brings v->info->time up to date; v is about to run here or runs here. */
void time_publish_slow(struct vcpu *v);
#define time_publish(v)                                                                            \
    do {                                                                                           \
        if (unlikely((v)->arch.time_stamp != this_percpu()->time_stamp))                           \
            time_publish_slow(v);                                                                  \
    } while (0)

/* The same for the registered copy (hc/vcpu.c). */
void x86_vcpu_time(struct vcpu *v, struct vcpu_time_info *out);

#endif
