/* The way out of a guest's entry, as far as it is inlined. */
#ifndef X86_ENTRY_LEAVE_H
#define X86_ENTRY_LEAVE_H

#include "core/dom/domain.h"
#include "x86/entry/entry.h"

static inline bool event_due(const struct vcpu *v)
{
    return v->info->evtchn_upcall_pending && !v->info->evtchn_upcall_mask;
}

/* Does v not simply run on? */
static inline __attribute__((always_inline)) bool leave_has_work(const struct vcpu *v,
                                                                 struct guest_regs *r)
{
    return __atomic_load_n(&frame_percpu(r)->work, __ATOMIC_RELAXED) || event_due(v);
}

/* x86_leave(), not quick, where there mostly is nothing to do. */
static inline int leave(struct guest_regs *r)
{
    if (unlikely(leave_has_work(frame_percpu(r)->current, r)))
        return x86_leave(r);
    return r->entry == ENTRY_SYSCALL ? LEAVE_SYSRET : LEAVE_IRET;
}

#endif
