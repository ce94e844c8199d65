/* domctl: vcpus: their registers, extended state, affinity. */
#include "base/string.h"
#include "core/frame/frame.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "port/frame.h"
#include "port/kick.h"
#include "x86/cpu.h"
#include "x86/ctxsw.h"
#include "x86/pv/bounce.h"
#include "x86/pv/policy.h"

static long vcpu_info(struct domctl_call *c)
{
    struct xen_domctl_getvcpuinfo *info = &c->op->u.getvcpuinfo;
    struct vcpu *v = dom_vcpu(c->d, info->vcpu);
    struct vcpu_runstate_info state;

    if (!v)
        return info->vcpu < c->d->max_vcpus ? -XEN_ESRCH : -XEN_EINVAL;
    sched_runstate(v, &state);
    info->online = !(v->sched.reasons & SCHED_DOWN);
    info->blocked = (v->sched.reasons & SCHED_BLOCKED) != 0;
    info->running = v->sched.running;
    info->cpu_time = state.time[RUNSTATE_running];
    info->cpu = v->sched.cpu;
    c->copy_back = true;
    return 0;
}

/* The context is larger than the stack should hold: it passes through a frame or two. */
static long context(struct domctl_call *c)
{
    struct xen_domctl_vcpucontext *op = &c->op->u.vcpucontext;
    struct vcpu *v = dom_vcpu(c->d, op->vcpu);
    long result = 0;

    if (!v)
        return op->vcpu < c->d->max_vcpus ? -XEN_ESRCH : -XEN_EINVAL;
    if (c->op->cmd == XEN_DOMCTL_getvcpucontext && !v->initialised)
        return -XEN_ENODATA;
    if (c->op->cmd == XEN_DOMCTL_setvcpucontext && !HANDLE(op->ctxt)) {
        sched_down(v); /* a reset of the vcpu, as the ABI says; it may be running */
        sched_pause_domain_sync(c->d);
        v->initialised = false;
        sched_unpause_domain(c->d);
        return 0;
    }
    mfn_t frames = frame_alloc(NULL, 1, 0, 0);
    if (mfn_eq(frames, MFN_NONE))
        return -XEN_ENOMEM;
    struct vcpu_guest_context *copy = mfn_ptr(frames);
    sched_pause_domain_sync(c->d); /* all, as another may be at VCPUOP_initialise of this one */
    if (c->op->cmd == XEN_DOMCTL_getvcpucontext) {
        x86_vcpu_get_context(v, copy);
        result = guest_write(HANDLE(op->ctxt), copy, sizeof(*copy));
    } else if (guest_read(copy, HANDLE(op->ctxt), sizeof(*copy))) {
        result = -XEN_EFAULT;
    } else {
        result = x86_vcpu_set_context(v, copy);
        if (!result && copy->flags & VGCF_online)
            sched_up(v);
    }
    sched_unpause_domain(c->d);
    frame_free(frames, 1);
    return result == -XEN_EAGAIN ? HC_AGAIN : result;
}

static long ext_context(struct domctl_call *c)
{
    struct xen_domctl_ext_vcpucontext *e = &c->op->u.ext_vcpucontext;
    struct vcpu *v = dom_vcpu(c->d, e->vcpu);

    if (!v)
        return e->vcpu < c->d->max_vcpus ? -XEN_ESRCH : -XEN_EINVAL;
    if (c->op->cmd == XEN_DOMCTL_get_ext_vcpucontext) {
        uint32_t id = e->vcpu;

        memset(e, 0, sizeof(*e));
        e->vcpu = id;
        e->size = sizeof(*e);
        e->syscall32_callback_eip = v->arch.syscall32_cb;
        e->sysenter_callback_eip = v->arch.sysenter_cb;
        e->syscall32_callback_cs = e->sysenter_callback_cs = 0xe033;
        e->syscall32_disables_events = v->arch.syscall32_cb_flags != 0;
        e->sysenter_disables_events = v->arch.sysenter_cb_flags != 0;
        c->copy_back = true;
        return 0;
    }
    if (!canonical(e->syscall32_callback_eip) || !canonical(e->sysenter_callback_eip))
        return -XEN_EINVAL;
    sched_pause_sync(v);
    v->arch.syscall32_cb = e->syscall32_callback_eip;
    v->arch.syscall32_cb_flags = e->syscall32_disables_events ? CALLBACKF_mask_events : 0;
    v->arch.sysenter_cb = e->sysenter_callback_eip;
    v->arch.sysenter_cb_flags = e->sysenter_disables_events ? CALLBACKF_mask_events : 0;
    sched_unpause(v);
    return 0;
}

static long affinity(struct domctl_call *c)
{
    struct xen_domctl_vcpuaffinity *op = &c->op->u.vcpuaffinity;
    struct vcpu *v = dom_vcpu(c->d, op->vcpu);
    cpumask_t hard, soft;
    int error = 0;

    if (!v)
        return op->vcpu < c->d->max_vcpus ? -XEN_ESRCH : -XEN_EINVAL;
    if (!(op->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)))
        return -XEN_EINVAL;
    hard = v->sched.hard;
    soft = v->sched.soft;
    if (c->op->cmd == XEN_DOMCTL_setvcpuaffinity) {
        if (op->flags & XEN_VCPUAFFINITY_FORCE && (error = sched_pin_override(v, -1)))
            return error;
        if (op->flags & XEN_VCPUAFFINITY_HARD && (error = bitmap_get(&op->cpumap_hard, &hard)))
            return error;
        if (op->flags & XEN_VCPUAFFINITY_SOFT && (error = bitmap_get(&op->cpumap_soft, &soft)))
            return error;
        error = sched_set_affinity(v, hard, soft);
        if (error)
            return error;
        hard &= cpus_online;
        soft &= hard;
    }
    if (op->flags & XEN_VCPUAFFINITY_HARD)
        error = bitmap_put(&op->cpumap_hard, hard);
    if (!error && op->flags & XEN_VCPUAFFINITY_SOFT)
        error = bitmap_put(&op->cpumap_soft, soft);
    return error;
}

long domctl_vcpu(struct domctl_call *c)
{
    switch (c->op->cmd) {
        ROW(XEN_DOMCTL_getvcpuinfo, vcpu_info(c));
        ROW(XEN_DOMCTL_getvcpucontext, context(c));
        ROW(XEN_DOMCTL_setvcpucontext, context(c));
        ROW(XEN_DOMCTL_get_ext_vcpucontext, ext_context(c));
        ROW(XEN_DOMCTL_set_ext_vcpucontext, ext_context(c));
        ROW(XEN_DOMCTL_getvcpuextstate, extstate_domctl(c));
        ROW(XEN_DOMCTL_setvcpuextstate, extstate_domctl(c));
        ROW(XEN_DOMCTL_get_vcpu_msrs, msrs_domctl(c));
        ROW(XEN_DOMCTL_set_vcpu_msrs, msrs_domctl(c));
        ROW(XEN_DOMCTL_getvcpuaffinity, affinity(c));
        ROW(XEN_DOMCTL_setvcpuaffinity, affinity(c));
    default:
        return -XEN_ENOSYS;
    }
}
