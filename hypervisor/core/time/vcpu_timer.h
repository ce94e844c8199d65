/* The timers of a vcpu: single-shot, periodic, and the time-out of a poll. */
#ifndef CORE_TIME_VCPU_TIMER_H
#define CORE_TIME_VCPU_TIMER_H

#include "core/dom/domain.h"

/* A PV vcpu ticks at 100 Hz until it says otherwise. */
#define VCPU_PERIOD_DEFAULT (10 * NS_PER_MS)
#define VCPU_PERIOD_MIN     NS_PER_MS

void vcpu_timers_init(struct vcpu *v);
/* Stops all three (the vcpu dies, or goes down). No lock held. */
void vcpu_timers_stop(struct vcpu *v);

/* 0: none. Ticks come only while v runs; the first after a wait at once. */
void vcpu_period_set(struct vcpu *v, ns_t period);
/* v begins to run here and has a period. */
void vcpu_period_resume(struct vcpu *v);

#endif
