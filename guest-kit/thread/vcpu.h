/* Several vCPUs, inside the kit. All of it is linked by gk_vcpu_start() and called only after it.
 */
#ifndef THREAD_VCPU_H
#define THREAD_VCPU_H

#include <gk/vcpu.h>
#include "start/cpu.h"

#define KIT_WEAK __attribute__((weak))

/* What a vCPU does next: a thread that can run, or its idle thread. */
KIT_WEAK struct gk_thread *kit_vcpu_next(const struct kit_cpu *cpu);
/* gk_yield(). */
KIT_WEAK void kit_vcpu_yield(void);
/* A thread was put into the queue. */
KIT_WEAK void kit_vcpu_ready(const struct gk_thread *thread);
/* Lets those have the lock who wait for it, and takes it again. */
KIT_WEAK void kit_turn_share(void);
/* For the last words of a guest: has the lock, or has waited long enough for it. */
KIT_WEAK void kit_turn_force(void);
/* When an idle vCPU will look at the timers by itself. */
KIT_WEAK uint64_t kit_vcpu_armed(void);
/* Around save and restore; parking ends with the caller alone, on vCPU 0. */
KIT_WEAK void kit_vcpu_park(void);
KIT_WEAK void kit_vcpu_resume(bool cancelled);

/* start/vcpu.S goes on here. */
_Noreturn void kit_vcpu_main(void);

#endif
