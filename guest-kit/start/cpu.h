/*
 * What belongs to one vCPU. A program that never calls gk_vcpu_start() has kit_cpu0 alone and finds
 * it at its fixed place; otherwise each vCPU finds its own by the base of GS.
 */
#ifndef START_CPU_H
#define START_CPU_H

#include "start/xen.h"

struct gk_thread;

struct kit_cpu {
    struct kit_cpu *self;      /* first: what GS points to holds its own address */
    struct vcpu_info *info;    /* second: start/vcpu.S */
    struct gk_thread *running; /* changes under the kit's lock */
    struct gk_thread *idle;    /* NULL as long as there is one vCPU */
    uint64_t armed;            /* its one-shot timer, in gk_time_mono(); UINT64_MAX: not set */
    uint32_t id;
    uint32_t kick;  /* port that ends its sleep */
    uint32_t timer; /* of VIRQ_TIMER */
    uint32_t rouse; /* port that is polled by it when it waits for the kit's lock; always masked */
};
extern struct kit_cpu kit_cpu0;
/* gk_vcpu_start() was called, so there is a lock; never false again. */
extern bool kit_smp;

/* Good until the caller may block: then it may go on elsewhere. */
static inline struct kit_cpu *kit_cpu(void)
{
    struct kit_cpu *cpu = &kit_cpu0;

    if (__builtin_expect(kit_smp, 0))
        __asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Of a page-table entry that changes: on all vCPUs that may have it cached. */
static inline uint64_t kit_flush(void)
{
    return UVMF_INVLPG | (kit_smp ? UVMF_ALL : UVMF_LOCAL);
}

/* start/vcpu.S: where a further vCPU begins, and the upcall's entry that finds its vCPU by GS. */
void kit_vcpu_entry(void);
void kit_entry_upcall_any(void) __attribute__((weak));

#endif
