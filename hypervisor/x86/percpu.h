/* What each CPU keeps for itself, found from the stack pointer: the stacks of a CPU lie in its own
 * 64 KiB block, so masking RSP gives the block. Nothing else may be found through GS in the
 * hypervisor, which belongs to the guest. */
#ifndef X86_PERCPU_H
#define X86_PERCPU_H

#include "base/num.h"
#include "x86/layout.h"

struct vcpu;
struct guest_regs;

enum cpu_work { /* bits of percpu.work: looked at before a guest is entered, and in idle */
                WORK_TIMER = 1, /* run due timers */
                WORK_SCHED = 2, /* run the scheduler */
                WORK_TLB = 4,   /* serve a shoot-down */
                WORK_LEAVE =
                    8, /* nothing but to look at all there is: an NMI for the vcpu, its frame */
                WORK_KEY = 16,  /* characters from the console wait */
                WORK_REAP = 32, /* a dead domain's last frame has come free */
};

struct percpu {
    uint64_t scratch;     /* the entry stub keeps the guest's RSP here for two instructions */
    struct vcpu *current; /* NULL: idle */
    uint32_t cpu;
    uint32_t apic_id;
    uint32_t work;    /* enum cpu_work; set atomically by anyone */
    uint32_t flushed; /* tlb_clock at the last full flush: x86/tlb.c */
    uint32_t waits;   /* turns of waiting for other CPUs */
    bool ldt_loaded;  /* LDTR is not null */
    mfn_t cr3;        /* what is loaded */
    uint64_t cr4;     /* the same */
    struct vcpu *fpu_owner;
    uint64_t tsc_base; /* time: see x86/tsc.c */
    uint32_t tsc_mul;
    ns_t ns_base;
    int32_t tsc_shift;
    uint64_t time_stamp; /* changes with the above, never the same on two CPUs; not 0 */
    /* What entry/guarded.S goes by; x86/guard.c, x86/xpti.c. */
    uint64_t root;          /* CR3 on the way out to a guest */
    struct vcpu *root_vcpu; /* for which root and distrust were made, */
    mfn_t root_l4;          /* and of which L4 */
    uint32_t root_changes;  /* entries of that L4 changed; atomic */
    bool distrust;          /* IBPB on the way in */
    uint64_t nmi_count;
    uint8_t tss[104 + 8] __attribute__((aligned(128)));
};

static inline struct percpu *this_percpu(void)
{
    uintptr_t block;

    __asm__("mov %%rsp, %0" : "=r"(block));
    return (struct percpu *)((block & ~(uintptr_t)(PERCPU_STRIDE - 1)) + PERCPU_DATA);
}

static inline struct percpu *cpu_percpu(unsigned int cpu)
{
    return (struct percpu *)(PERCPU_VIRT + (uint64_t)cpu * PERCPU_STRIDE + PERCPU_DATA);
}

/* The flush clock: see tlb.c. */
extern uint32_t tlb_clock;

/* This CPU has just dropped all guest entries of its TLB. */
static inline void tlb_note_flush(struct percpu *pc)
{
    __atomic_store_n(&pc->flushed, __atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST), __ATOMIC_RELEASE);
}

static inline struct vcpu *current_vcpu(void)
{
    return this_percpu()->current;
}

#endif
