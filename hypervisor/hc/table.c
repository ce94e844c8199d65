/* From a hypercall's number to its handler.
 *
 * A switch of direct calls, hot ones tested first: no indirect call for a speculating processor to
 * be led astray by (the build turns jump tables off). */
#include "hc/hc.h"

#define CALL(name)                                                                                 \
    case __HYPERVISOR_##name:                                                                      \
        return hc_##name(v, arg)

static __attribute__((noinline)) long call_other(struct vcpu *v, uint64_t *arg, uint64_t nr)
{
    switch (nr) {
        CALL(set_trap_table);
        CALL(set_gdt);
        CALL(set_callbacks);
        CALL(fpu_taskswitch);
        CALL(sched_op_compat);
        CALL(platform_op);
        CALL(set_debugreg);
        CALL(get_debugreg);
        CALL(memory_op);
        CALL(event_channel_op_compat);
        CALL(console_io);
        CALL(physdev_op_compat);
        CALL(vm_assist);
        CALL(update_va_mapping_otherdomain);
        CALL(nmi_op);
        CALL(callback_op);
    case __HYPERVISOR_xenpmu_op:
        return -XEN_EOPNOTSUPP;
        CALL(physdev_op);
        CALL(sysctl);
        CALL(domctl);
        CALL(mca);
    default:
        return -XEN_ENOSYS;
    }
}

long hc_call(struct vcpu *v, uint64_t *arg, uint64_t nr)
{
    switch (nr) {
        CALL(xen_version);
        CALL(iret);
        CALL(multicall);
        CALL(mmu_update);
        CALL(update_va_mapping);
        CALL(mmuext_op);
        CALL(stack_switch);
        CALL(set_segment_base);
        CALL(event_channel_op);
        CALL(sched_op);
        CALL(vcpu_op);
        CALL(grant_table_op);
        CALL(update_descriptor);
        CALL(set_timer_op);
    default:
        return call_other(v, arg, nr);
    }
}
