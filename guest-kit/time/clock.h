/* Inside the time room. */
#ifndef TIME_CLOCK_H
#define TIME_CLOCK_H

#include <gk/time.h>
#include "start/xen.h"

void kit_clock_init(void);
/* Before and after the guest was elsewhere: gk_time_mono() goes on where it was. */
void kit_clock_suspend(void);
void kit_clock_resume(void);
/* Called before sleeping: sees to it that the hypervisor wakes us for the first timer. */
void kit_timers_arm(void);
/* gk_timer_set() and gk_timer_stop() for who has the turn. */
void kit_timer_set(struct gk_timer *timer, uint64_t deadline, void (*call)(void *), void *argument);
bool kit_timer_stop(struct gk_timer *timer);
/* Only with one vCPU: all of the guest sleeps until an event, or for `ns` and no longer. */
void kit_nap(uint64_t ns);
/* The first timer's deadline, or UINT64_MAX. */
uint64_t kit_timers_first(void);
/* The timer's interrupt of a vCPU. A port or an error. */
struct kit_cpu;
int kit_clock_bind(struct kit_cpu *cpu);

/* --- scale.c: pure --- */
struct clock_scale {
    uint64_t tsc, system;
    uint32_t mul;
    int8_t shift;
};
uint64_t clock_scaled(const struct clock_scale *s, uint64_t tsc);

/* --- heap.c: pure. Timers in a pairing heap, the earliest at the root. --- */
struct gk_timer *timers_add(struct gk_timer *root, struct gk_timer *timer);
struct gk_timer *timers_remove(struct gk_timer *root, struct gk_timer *timer);
const char *timers_audit(const struct gk_timer *root);

#endif
