/* Sending a guest vcpu to one of its kernel's entry points, with the frame the ABI prescribes. */
#ifndef X86_PV_BOUNCE_H
#define X86_PV_BOUNCE_H

#include "core/dom/domain.h"
#include "port/guestmem.h"

enum { BOUNCE_NO_ERROR_CODE = -1 };

/* Exception `vector` for the running vcpu, error_code < 0: the vector has none. The frame r is that
 * of the CPU's stack. If the guest has no handler, or its stack cannot be written, its domain
 * crashes. Afterwards r enters the handler. */
void pv_trap(struct vcpu *v, struct guest_regs *r, unsigned int vector, int64_t error_code);
void pv_gp(struct vcpu *v, struct guest_regs *r, uint32_t error_code);
/* #PF. As pv_trap(). */
void pv_page_fault(struct vcpu *v, struct guest_regs *r, uint64_t address, uint32_t error_code);

/* The event callback; the caller has found pending set and mask clear. */
void pv_event(struct vcpu *v, struct guest_regs *r);
void pv_syscall(struct vcpu *v, struct guest_regs *r, uint64_t callback, uint8_t flags);
void pv_failsafe(struct vcpu *v, struct guest_regs *r);
void pv_nmi(struct vcpu *v, struct guest_regs *r);

/* EFLAGS that a guest may run with, made of what it asked for (checklist B3). */
static inline uint64_t pv_clean_flags(uint64_t flags)
{
    /* CF PF AF ZF SF TF DF OF AC RF ID, IF always, the rest never. */
    return (flags & 0x00250dd5) | 0x202;
}

#endif
