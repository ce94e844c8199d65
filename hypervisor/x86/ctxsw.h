/* Changing from one vcpu to another on this CPU, and a vcpu's machine state. */
#ifndef X86_CTXSW_H
#define X86_CTXSW_H

#include "core/dom/domain.h"

/* Lets the scheduler pick; saves the running vcpu from *r and loads the next into it, if they
 * differ. current is NULL afterwards if there is none to run. */
void schedule(struct guest_regs *r);

/* Bring a vcpu's state out of this CPU's registers, or into them. The running or next vcpu.
 * fpu_load() returns whether something else may have run here since, or v elsewhere. */
void fpu_save(struct vcpu *v);
bool fpu_load(struct vcpu *v);
/* The state of a fresh vcpu: everything that FNINIT and reset give. */
void fpu_reset(struct vcpu *v);

/* Machine state of a new vcpu (XSAVE area, descriptor window). 0 or -XEN_ENOMEM. */
int x86_vcpu_init(struct vcpu *v);
void x86_vcpu_free(struct vcpu *v);

/* Registers, descriptor tables, callbacks, page tables of a vcpu that does not run, all checked.
 * Takes references to the tables it names. -XEN_EINVAL, -XEN_EAGAIN (page table validation was
 * preempted: call again with the same), -XEN_ENOMEM. On failure the vcpu is as before. */
int x86_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
/* The reverse, for a paused vcpu. */
void x86_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c);

/* Drops page tables and descriptor frames of a vcpu of a dying domain. HC_AGAIN: call again. */
long x86_vcpu_drop(struct vcpu *v);

/* Loads a selector into GS; a bad one becomes null. Returns whether it was good. */
bool x86_load_gs(uint16_t selector);
/* v's breakpoints become the CPU's. */
void x86_load_breakpoints(const struct vcpu *v);

#endif
