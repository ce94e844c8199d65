/*
 * From a hypercall's number to its handler.
 *
 * A switch of direct calls, hot ones tested first: no indirect call for a speculating processor to
 * be led astray by (the build turns jump tables off).
 */
#include "hc/hc.h"

static __attribute__((noinline)) long call_other(struct vcpu *v, uint64_t *arg, uint64_t nr)
{
    switch (nr) {
    case __HYPERVISOR_set_trap_table:
        return hc_set_trap_table(v, arg);
    case __HYPERVISOR_set_gdt:
        return hc_set_gdt(v, arg);
    case __HYPERVISOR_set_callbacks:
        return hc_set_callbacks(v, arg);
    case __HYPERVISOR_fpu_taskswitch:
        return hc_fpu_taskswitch(v, arg);
    case __HYPERVISOR_sched_op_compat:
        return hc_sched_op_compat(v, arg);
    case __HYPERVISOR_platform_op:
        return hc_platform_op(v, arg);
    case __HYPERVISOR_set_debugreg:
        return hc_set_debugreg(v, arg);
    case __HYPERVISOR_get_debugreg:
        return hc_get_debugreg(v, arg);
    case __HYPERVISOR_memory_op:
        return hc_memory_op(v, arg);
    case __HYPERVISOR_event_channel_op_compat:
        return hc_event_channel_op_compat(v, arg);
    case __HYPERVISOR_console_io:
        return hc_console_io(v, arg);
    case __HYPERVISOR_physdev_op_compat:
        return hc_physdev_op_compat(v, arg);
    case __HYPERVISOR_vm_assist:
        return hc_vm_assist(v, arg);
    case __HYPERVISOR_update_va_mapping_otherdomain:
        return hc_update_va_mapping_otherdomain(v, arg);
    case __HYPERVISOR_nmi_op:
        return hc_nmi_op(v, arg);
    case __HYPERVISOR_callback_op:
        return hc_callback_op(v, arg);
    case __HYPERVISOR_xenpmu_op:
        return -XEN_EOPNOTSUPP;
    case __HYPERVISOR_physdev_op:
        return hc_physdev_op(v, arg);
    case __HYPERVISOR_sysctl:
        return hc_sysctl(v, arg);
    case __HYPERVISOR_domctl:
        return hc_domctl(v, arg);
    case __HYPERVISOR_mca:
        return hc_mca(v, arg);
    default:
        return -XEN_ENOSYS;
    }
}

long hc_call(struct vcpu *v, uint64_t *arg, uint64_t nr)
{
    switch (nr) {
    case __HYPERVISOR_xen_version:
        return hc_xen_version(v, arg);
    case __HYPERVISOR_iret:
        return hc_iret(v, arg);
    case __HYPERVISOR_multicall:
        return hc_multicall(v, arg);
    case __HYPERVISOR_mmu_update:
        return hc_mmu_update(v, arg);
    case __HYPERVISOR_update_va_mapping:
        return hc_update_va_mapping(v, arg);
    case __HYPERVISOR_mmuext_op:
        return hc_mmuext_op(v, arg);
    case __HYPERVISOR_stack_switch:
        return hc_stack_switch(v, arg);
    case __HYPERVISOR_set_segment_base:
        return hc_set_segment_base(v, arg);
    case __HYPERVISOR_event_channel_op:
        return hc_event_channel_op(v, arg);
    case __HYPERVISOR_sched_op:
        return hc_sched_op(v, arg);
    case __HYPERVISOR_vcpu_op:
        return hc_vcpu_op(v, arg);
    case __HYPERVISOR_grant_table_op:
        return hc_grant_table_op(v, arg);
    case __HYPERVISOR_update_descriptor:
        return hc_update_descriptor(v, arg);
    case __HYPERVISOR_set_timer_op:
        return hc_set_timer_op(v, arg);
    default:
        return call_other(v, arg, nr);
    }
}
