/* The way out of a guest's entry, as far as it is inlined. */
#ifndef X86_ENTRY_LEAVE_H
#define X86_ENTRY_LEAVE_H

#include "core/dom/domain.h"
#include "x86/entry/entry.h"

static inline bool event_due(const struct vcpu *v)
{
    return v->info->evtchn_upcall_pending && !v->info->evtchn_upcall_mask;
}

/*
 * Nothing is to be done before the guest runs, mostly. Only for who has left rbx, rbp, r12-r15 of
 * the frame, and the vcpu that it is of, as they were.
 */
static inline __attribute__((always_inline)) int leave_quick(struct guest_regs *r)
{
    struct percpu *pc = frame_percpu(r);

    if (unlikely(__atomic_load_n(&pc->work, __ATOMIC_RELAXED)) || unlikely(event_due(pc->current)))
        return x86_leave(r);
    return r->entry == ENTRY_SYSCALL ? LEAVE_QUICK_SYSRET : LEAVE_QUICK_IRET;
}

#endif
