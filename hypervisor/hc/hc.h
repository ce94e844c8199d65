/* Hypercalls. Each handler gets the calling vcpu and its five argument words.
 *
 * The words lie in the guest's saved registers (or in the dispatcher's copy of a multicall entry).
 * Long work that should pause stores in them what is still to do and returns HC_AGAIN: the guest
 * then executes the very same hypercall again with those words. So what they carry is as untrusted
 * as in a first call. Return values are 0, a positive result or -XEN_E…; nothing else. */
#ifndef HC_HC_H
#define HC_HC_H

#include "core/dom/domain.h"
#include "port/clock.h" /* HC_AGAIN */
#include "port/guestmem.h"

typedef long hc_fn(struct vcpu *v, uint64_t *arg);

hc_fn hc_set_trap_table, hc_mmu_update, hc_set_gdt, hc_stack_switch, hc_set_callbacks,
    hc_fpu_taskswitch, hc_platform_op, hc_set_debugreg, hc_get_debugreg, hc_update_descriptor,
    hc_memory_op, hc_multicall, hc_update_va_mapping, hc_set_timer_op, hc_xen_version,
    hc_console_io, hc_grant_table_op, hc_vm_assist, hc_update_va_mapping_otherdomain, hc_iret,
    hc_vcpu_op, hc_set_segment_base, hc_mmuext_op, hc_sched_op, hc_callback_op, hc_nmi_op,
    hc_event_channel_op, hc_physdev_op, hc_sysctl, hc_domctl, hc_mca, hc_sched_op_compat,
    hc_event_channel_op_compat, hc_physdev_op_compat;

/* A row whose argument is a structure in guest memory: copied in, once, as `op`. What calls this
 * has the guest's address in `va`. */
#define ROW_IN(operation, type, result)                                                            \
    case operation: {                                                                              \
        struct type op;                                                                            \
                                                                                                   \
        return guest_get(&op, va) ? -XEN_EFAULT : (result);                                        \
    }

/* The same, and copied back when the result is 0. */
#define ROW_IN_OUT(operation, type, result)                                                        \
    case operation: {                                                                              \
        struct type op;                                                                            \
                                                                                                   \
        if (guest_get(&op, va))                                                                    \
            return -XEN_EFAULT;                                                                    \
        long rc = result;                                                                          \
        return rc ? rc : guest_put(va, &op);                                                       \
    }

/* Runs hypercall nr; unknown numbers give -XEN_ENOSYS. Also called by the entry code. */
long hc_call(struct vcpu *v, uint64_t *arg, uint64_t nr);

#endif
