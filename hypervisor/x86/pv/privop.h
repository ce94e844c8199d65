/*
 * Instructions that a guest's kernel executes as if it had ring 0, carried out for it.
 */
#ifndef X86_PV_PRIVOP_H
#define X86_PV_PRIVOP_H

#include "core/dom/domain.h"

/* After #GP with error code 0: emulates the instruction at r->rip. False: the guest gets its #GP.
 */
bool pv_emulate(struct vcpu *v, struct guest_regs *r);

/* After #UD: `ud2; .ascii "xen"; cpuid` gives the policy's CPUID. False: not that. */
bool pv_forced_cpuid(struct vcpu *v, struct guest_regs *r);

/* After a write fault on a present page in guest kernel mode: a page-table write? */
bool pv_write_fault(struct vcpu *v, struct guest_regs *r, uint64_t address);

#endif
