/* The hypercalls that change the calling vcpu's machine state: trap table, callbacks, stack,
 * segments, debug registers, FPU, IRET. */
#include "hc/hc.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/ctxsw.h"
#include "x86/entry/entry.h"
#include "x86/pv/bounce.h"
#include "x86/pv/regs.h"
#include "x86/segbase.h"

long hc_set_trap_table(struct vcpu *v, uint64_t *arg)
{
    if (!arg[0]) {
        for (unsigned int i = 0; i < 256; i++)
            v->arch.trap[i] = (struct trap_gate){0};
        return 0;
    }
    for (unsigned int i = 0; i < 257; i++) {
        struct trap_info info;

        if (guest_get(&info, arg[0] + i * sizeof(info)))
            return -XEN_EFAULT;
        if (!info.address)
            return 0;
        if (!canonical(info.address))
            return -XEN_EINVAL;
        v->arch.trap[info.vector] = (struct trap_gate){
            .address = info.address,
            .cs = (uint16_t)(info.cs | 3),
            .flags = info.flags & 7,
        };
    }
    return 0;
}

long hc_stack_switch(struct vcpu *v, uint64_t *arg)
{
    if (!canonical(arg[1]))
        return -XEN_EINVAL;
    v->arch.kernel_ss = (arg[0] | 3) & 0xffff;
    v->arch.kernel_sp = arg[1];
    return 0;
}

/* Where the handler of each type is kept, and its flags. */
static const struct {
    uint16_t address, flags; /* offsets; flags 0: always masked */
} callbacks[] = {
#define IN_ARCH(field) offsetof(struct vcpu_arch, field)
    [CALLBACKTYPE_event] = {IN_ARCH(event_cb), 0},
    [CALLBACKTYPE_failsafe] = {IN_ARCH(failsafe_cb), IN_ARCH(failsafe_cb_flags)},
    [CALLBACKTYPE_syscall] = {IN_ARCH(syscall_cb), IN_ARCH(syscall_cb_flags)},
    [CALLBACKTYPE_syscall32] = {IN_ARCH(syscall32_cb), IN_ARCH(syscall32_cb_flags)},
    [CALLBACKTYPE_sysenter] = {IN_ARCH(sysenter_cb), IN_ARCH(sysenter_cb_flags)},
    [CALLBACKTYPE_nmi] = {IN_ARCH(nmi_cb), 0},
};

static bool is_callback(unsigned int type)
{
    return type < ARRAY_SIZE(callbacks) && callbacks[type].address;
}

static int set_callback(struct vcpu *v, unsigned int type, uint64_t address, uint16_t flags)
{
    if (!canonical(address))
        return -XEN_EINVAL;
    if (!is_callback(type))
        return -XEN_ENOSYS;
    *(uint64_t *)((char *)&v->arch + callbacks[type].address) = address;
    if (callbacks[type].flags)
        *((uint8_t *)&v->arch + callbacks[type].flags) = flags & CALLBACKF_mask_events;
    return 0;
}

static long unset_callback(struct vcpu *v, unsigned int type)
{
    if (type != CALLBACKTYPE_nmi)
        return is_callback(type) ? -XEN_EINVAL : -XEN_ENOSYS;
    v->arch.nmi_cb = 0;
    return 0;
}

long hc_callback_op(struct vcpu *v, uint64_t *arg)
{
    const uint64_t va = arg[1];

    switch (arg[0]) {
        ROW_IN(CALLBACKOP_register, callback_register,
               set_callback(v, op.type, op.address, op.flags));
        ROW_IN(CALLBACKOP_unregister, callback_unregister, unset_callback(v, op.type));
    default:
        return -XEN_ENOSYS;
    }
}

long hc_set_callbacks(struct vcpu *v, uint64_t *arg)
{
    if (!canonical(arg[0]) || !canonical(arg[1]) || !canonical(arg[2]))
        return -XEN_EINVAL;
    v->arch.event_cb = arg[0];
    v->arch.failsafe_cb = arg[1];
    v->arch.syscall_cb = arg[2];
    return 0;
}

static long set_nmi_callback(struct vcpu *v, uint64_t address)
{
    if (!canonical(address) || v->id)
        return -XEN_EINVAL;
    v->arch.nmi_cb = address;
    return 0;
}

long hc_nmi_op(struct vcpu *v, uint64_t *arg)
{
    const uint64_t va = arg[1];

    switch (arg[0]) {
        ROW_IN(XENNMI_register_callback, xennmi_callback, set_nmi_callback(v, op.handler_address));
    case XENNMI_unregister_callback:
        v->arch.nmi_cb = 0;
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

long hc_fpu_taskswitch(struct vcpu *v, uint64_t *arg)
{
    v->arch.fpu_ts = arg[0] != 0;
    if (v->arch.fpu_ts)
        write_cr0(read_cr0() | CR0_TS);
    else
        __asm__ volatile("clts");
    return 0;
}

long hc_set_debugreg(struct vcpu *v, uint64_t *arg)
{
    return pv_set_debugreg(v, arg[0] > 7 ? 8 : (unsigned int)arg[0], arg[1]);
}

long hc_get_debugreg(struct vcpu *v, uint64_t *arg)
{
    if (arg[0] > 7)
        return -XEN_EINVAL;
    if (arg[0] < 4)
        return (long)v->arch.dr[arg[0]];
    return (long)(arg[0] & 1 ? v->arch.dr7 : v->arch.dr6);
}

/* The hypervisor never uses FS or GS: the machine holds the guest's own, inactive GS included. */
long hc_set_segment_base(struct vcpu *v, uint64_t *arg)
{
    uint64_t base = arg[1];

    (void)v;
    if (arg[0] != SEGBASE_GS_USER_SEL && !canonical(base))
        return -XEN_EINVAL;
    switch (arg[0]) {
    case SEGBASE_FS:
        write_fs_base(base);
        return 0;
    case SEGBASE_GS_USER:
        wrmsr(MSR_KERNEL_GS_BASE, base);
        return 0;
    case SEGBASE_GS_KERNEL:
        write_gs_base(base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        /* Loads the user GS, base from its descriptor, and keeps the kernel's as it is. */
        __asm__ volatile("swapgs" ::: "memory");
        x86_load_gs((uint16_t)base);
        __asm__ volatile("swapgs" ::: "memory");
        return 0;
    default:
        return -XEN_EINVAL;
    }
}

long hc_vm_assist(struct vcpu *v, uint64_t *arg)
{
    struct domain *d = v->dom;

    if (arg[1] > 31 || !(PV_VM_ASSISTS & 1u << arg[1]))
        return -XEN_EINVAL;
    switch (arg[0]) {
    case VMASST_CMD_enable:
        __atomic_or_fetch(&d->vm_assist, 1u << arg[1], __ATOMIC_RELAXED);
        return 0;
    case VMASST_CMD_disable:
        __atomic_and_fetch(&d->vm_assist, ~(1u << arg[1]), __ATOMIC_RELAXED);
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}
