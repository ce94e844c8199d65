/* Defences against speculation: what was chosen for this machine (core/guard), and its use. */
#ifndef X86_GUARD_H
#define X86_GUARD_H

#include "core/guard/guard.h"
#include "x86/asm.h"

extern struct guard guard; /* constant after guard_detect() */
extern bool cpu_has_ibpb;

#define MSR_SPEC_CTRL 0x48
#define MSR_PRED_CMD  0x49

/* Chooses, and says so. Boot CPU, after cpu_detect(). */
void guard_detect(void);
/* Tables of a CPU other than the first, whose block is there. 0 or -XEN_ENOMEM. */
int guard_cpu_alloc(unsigned int cpu);
/* Makes entry/guarded.S the way in and out, where that is needed. Boot CPU, frames can be had. */
void guard_arm(void);
/* Sets what stays set. Each CPU. */
void guard_cpu_setup(void);

struct guest_regs;
/* r: the frame of an NMI that came to the hypervisor; on the last steps out they are done again. */
void guard_fix_exit(struct guest_regs *r);

extern const char guarded_syscall[], guarded_syscall32[], guarded_sysenter[];

/* IBPB: what ran before steers no prediction from here on. */
static inline void guard_forget_branches(void)
{
    wrmsr(MSR_PRED_CMD, 1);
}

/* ---- XPTI: page tables that hold nothing of the hypervisor that Meltdown could read --------- */

/* Tables of CPU `cpu`, whose block is mapped. 0 or -XEN_ENOMEM. */
int xpti_cpu_alloc(unsigned int cpu);

/* percpu.root becomes what the running vcpu is to run on, and follows its L4 from now on. */
void xpti_refresh(void);

struct vcpu;
/* v is going away: no CPU shall take another at its address for it. */
void xpti_forget(const struct vcpu *v);

#endif
