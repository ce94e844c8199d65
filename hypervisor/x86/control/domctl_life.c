/* domctl: a domain's birth, run and end, and the facts about it. */
#include "base/string.h"
#include "core/dom/create.h"
#include "core/dom/life.h"
#include "core/frame/frame.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "hc/vcpu.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/frame.h"
#include "x86/boot/dom0.h"
#include "x86/ctxsw.h"
#include "x86/pv/policy.h"
#include "x86/time.h"

static long create(struct domctl_call *c)
{
    const struct xen_domctl_createdomain *in = &c->op->u.createdomain;
    struct dom_config config = {
        .max_vcpus = in->max_vcpus,
        .max_evtchn_port = in->max_evtchn_port,
        .max_grant_frames = in->max_grant_frames,
        .max_maptrack_frames = in->max_maptrack_frames,
    };
    struct domain *d;
    domid_t id = c->op->domain;
    int error;

    /* PV guests only, no IOMMU, no pools but pool 0. */
    if (in->flags & ~(XEN_DOMCTL_CDF_xs_domain | XEN_DOMCTL_CDF_oos_off) || in->iommu_opts ||
        in->vmtrace_size || in->cpupool_id || in->arch.emulation_flags)
        return -XEN_EINVAL;
    if (XEN_DOMCTL_GRANT_version(in->grant_opts) < 1)
        return -XEN_EINVAL;
    memcpy(config.handle, in->handle, sizeof(config.handle));
    if (id >= DOMID_FIRST_RESERVED)
        id = 0;
    error = dom_create(id, &config, &d);
    if (error)
        return error;
    d->ssidref = in->ssidref;
    c->op->domain = d->id;
    c->copy_back = true;
    dom_put(d);
    return 0;
}

static long destroy(struct domctl_call *c)
{
    dom_kill(c->d);
    return dom_destroy_step(c->d);
}

static long pause(struct domain *d)
{
    lock_take(&d->lock);
    if (d->control_pauses == 255) {
        lock_drop(&d->lock);
        return -XEN_EOVERFLOW;
    }
    d->control_pauses++;
    lock_drop(&d->lock);
    sched_pause_domain_sync(d);
    return 0;
}

static long unpause(struct domain *d)
{
    /* A vcpu without context stays down, so this lets nothing run that could not. */
    if (!d->vcpu[0])
        return -XEN_EINVAL;
    lock_take(&d->lock);
    if (!d->control_pauses) {
        lock_drop(&d->lock);
        return -XEN_EINVAL;
    }
    d->control_pauses--;
    lock_drop(&d->lock);
    sched_unpause_domain(d);
    return 0;
}

static long max_vcpus(struct domctl_call *c)
{
    uint32_t n = c->op->u.max_vcpus.max;

    /* The number is fixed at creation; this makes them. */
    if (n != c->d->max_vcpus)
        return -XEN_EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        int error = dom_add_vcpu(c->d, i);

        if (error)
            return error;
    }
    return 0;
}

static long trigger(struct domctl_call *c)
{
    const struct xen_domctl_sendtrigger *t = &c->op->u.sendtrigger;
    struct vcpu *v = dom_vcpu(c->d, t->vcpu);

    if (t->trigger != XEN_DOMCTL_SENDTRIGGER_NMI)
        return -XEN_ENOSYS;
    if (!v)
        return -XEN_EINVAL;
    x86_vcpu_send_nmi(v);
    return 0;
}

static long set_time_offset(struct domctl_call *c)
{
    c->d->time_offset_seconds = c->op->u.settimeoffset.time_offset_seconds;
    wall_publish(c->d);
    return 0;
}

/* XEN_DOMCTL_settscinfo's modes, which the headers describe only in words. */
enum { TSC_MODE_DEFAULT = 0, TSC_MODE_NATIVE = 2 };

static long tsc_info(struct domctl_call *c)
{
    struct xen_domctl_tsc_info *info = &c->op->u.tsc_info;

    if (c->op->cmd == XEN_DOMCTL_settscinfo) {
        /* Guests always read the TSC natively: what would have it trapped is refused. */
        if (info->tsc_mode != TSC_MODE_DEFAULT && info->tsc_mode != TSC_MODE_NATIVE) {
            log_guest(c->d, LOG_WARN, "tsc_mode %u is not offered, only default and native\n",
                      info->tsc_mode);
            return -XEN_EOPNOTSUPP;
        }
        c->d->tsc_mode = info->tsc_mode;
        c->d->tsc_incarnation = info->incarnation;
        return 0;
    }
    memset(info, 0, sizeof(*info));
    info->tsc_mode = c->d->tsc_mode;
    info->incarnation = c->d->tsc_incarnation;
    info->gtsc_khz = (uint32_t)(tsc_hz / 1000);
    info->elapsed_nsec = (uint64_t)now();
    c->copy_back = true;
    return 0;
}

/* The frame's use as WRITABLE keeps page tables and others' frames from being overwritten. */
static long hypercall_page(struct domctl_call *c)
{
    mfn_t m = mfn(c->op->u.hypercall_init.gmfn);

    if (page_get_use(m, c->d, PGT_WRITABLE))
        return -XEN_EACCES;
    pv_hypercall_page(mfn_ptr(m));
    page_put_use(m);
    return 0;
}

static long address_size(struct domctl_call *c)
{
    if (c->op->cmd == XEN_DOMCTL_set_address_size)
        return c->op->u.address_size.size == 64 ? 0 : -XEN_EINVAL;
    c->op->u.address_size.size = 64;
    c->copy_back = true;
    return 0;
}

/* Which vcpu's breakpoint or step paused a debugged domain; each is told of once. */
static long debug_status(struct domctl_call *c)
{
    struct xen_domctl_gdbsx_domstatus *s = &c->op->u.gdbsx_domstatus;

    c->copy_back = true;
    *s = (struct xen_domctl_gdbsx_domstatus){.paused = c->d->control_pauses != 0, .vcpu_id = ~0u};
    for_each_vcpu (v, c->d) {
        s->vcpu_ev = __atomic_exchange_n(&v->arch.debug_event, 0, __ATOMIC_RELAXED);
        if (s->vcpu_ev) {
            s->vcpu_id = v->id;
            return 0;
        }
    }
    return 0;
}

long domctl_life(struct domctl_call *c)
{
    struct xen_domctl *op = c->op;

    switch (op->cmd) {
        ROW(XEN_DOMCTL_createdomain, create(c));
        ROW(XEN_DOMCTL_destroydomain, destroy(c));
        ROW(XEN_DOMCTL_pausedomain, pause(c->d));
        ROW(XEN_DOMCTL_unpausedomain, unpause(c->d));
        ROW(XEN_DOMCTL_setdebugging, (c->d->debugged = c->op->u.setdebugging.enable, 0));
        ROW(XEN_DOMCTL_gdbsx_domstatus, debug_status(c));
        ROW(XEN_DOMCTL_resumedomain, dom_resume(c->d));
    case XEN_DOMCTL_getdomaininfo:
        control_domain_info(c->d, &op->u.getdomaininfo);
        op->domain = c->d->id;
        c->copy_back = true;
        return 0;
        ROW(XEN_DOMCTL_max_vcpus, max_vcpus(c));
    case XEN_DOMCTL_setdomainhandle:
        memcpy(c->d->handle, op->u.setdomainhandle.handle, sizeof(c->d->handle));
        return 0;
        ROW(XEN_DOMCTL_sendtrigger, trigger(c));
        ROW(XEN_DOMCTL_settimeoffset, set_time_offset(c));
        ROW(XEN_DOMCTL_gettscinfo, tsc_info(c));
        ROW(XEN_DOMCTL_settscinfo, tsc_info(c));
        ROW(XEN_DOMCTL_get_address_size, address_size(c));
        ROW(XEN_DOMCTL_set_address_size, address_size(c));
        ROW(XEN_DOMCTL_hypercall_init, hypercall_page(c));
    case XEN_DOMCTL_scheduler_op:
        c->copy_back = true;
        return sched_domctl(c->d, &op->u.scheduler_op);
    case XEN_DOMCTL_setnodeaffinity:
        return 0; /* one node: any choice is that node */
        ROW(XEN_DOMCTL_getnodeaffinity, bitmap_put(&op->u.nodeaffinity.nodemap, 1));
    case XEN_DOMCTL_get_cpu_policy:
    case XEN_DOMCTL_set_cpu_policy:
        c->copy_back = true;
        return policy_domctl(c->d, op);
    default:
        return -XEN_ENOSYS;
    }
}
