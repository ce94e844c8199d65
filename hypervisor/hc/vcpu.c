/* HYPERVISOR_vcpu_op: vcpus brought up and down, their timers, and what they share with the
 * guest. */
#include "hc/vcpu.h"

#include "core/dom/create.h"
#include "core/dom/life.h"
#include "core/frame/frame.h"
#include "core/time/vcpu_timer.h"
#include "hc/hc.h"
#include "port/clock.h"

#define PERIOD_MAX (10000 * NS_PER_SEC)

/* ---- areas in guest memory ------------------------------------------------------------------ */

/* With the flag (VMASST), a reader on another vcpu sees that the area is being written. */
static int put_runstate(const struct vcpu *v, struct vcpu_runstate_info *info)
{
    uint64_t entry = info->state_entry_time;
    uint64_t entry_va = v->runstate_va + offsetof(struct vcpu_runstate_info, state_entry_time);

    if (!(v->dom->vm_assist & 1u << VMASST_TYPE_runstate_update_flag))
        return guest_put(v->runstate_va, info);
    info->state_entry_time |= XEN_RUNSTATE_UPDATE;
    if (guest_write64(entry_va, info->state_entry_time))
        return -XEN_EFAULT;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (guest_put(v->runstate_va, info))
        return -XEN_EFAULT;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return guest_write64(entry_va, entry);
}

static int put_time(struct vcpu *v)
{
    struct vcpu_time_info info;
    uint32_t version;
    uint64_t va = v->time_va;

    x86_vcpu_time(v, &info);
    /* The version goes odd, the rest follows, the version goes even. */
    if (guest_read(&version, va, sizeof(version)))
        return -XEN_EFAULT;
    version = (version | 1) + 2;
    if (guest_write(va, &version, sizeof(version)))
        return -XEN_EFAULT;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (guest_write(va + sizeof(version), (const char *)&info + sizeof(version),
                    sizeof(info) - sizeof(version)))
        return -XEN_EFAULT;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    version++;
    return guest_write(va, &version, sizeof(version));
}

void vcpu_areas_update(struct vcpu *v)
{
    int rc = 0;

    if (v->runstate_va) {
        struct vcpu_runstate_info info;

        sched_runstate_area(v, &info);
        rc = put_runstate(v, &info);
    }
    if (v->time_va)
        rc |= put_time(v);
    v->areas_stale = rc != 0;
}

/* Whoever calls: its tables serve for any vcpu of its domain. */
static long register_runstate(struct vcpu *v, uint64_t at)
{
    struct vcpu_runstate_info info;

    if (!gaddr_ok(at, sizeof(info)))
        return -XEN_EFAULT;
    v->runstate_va = at;
    if (at) {
        sched_runstate_area(v, &info);
        v->areas_stale = put_runstate(v, &info) != 0;
    }
    return 0;
}

static long register_time(struct vcpu *caller, struct vcpu *v, uint64_t at)
{
    if (!gaddr_ok(at, sizeof(struct vcpu_time_info)))
        return -XEN_EFAULT;
    v->time_va = at;
    if (v->time_va && v == caller)
        v->areas_stale = put_time(v) != 0;
    return 0;
}

/* ---- vcpu_info ------------------------------------------------------------------------------ */

static long register_info(struct vcpu *caller, struct vcpu *v,
                          const struct vcpu_register_vcpu_info *op)
{
    if (op->offset > FRAME_SIZE - sizeof(struct vcpu_info) ||
        op->offset % _Alignof(struct vcpu_info)) /* B13 */
        return -XEN_ENXIO;
    if (!mfn_eq(v->info_mfn, MFN_NONE))
        return -XEN_EINVAL;
    /* Of itself, or of one that cannot run meanwhile. */
    if (v != caller && !(v->sched.reasons & SCHED_DOWN))
        return -XEN_EINVAL;
    if (page_get_use(mfn(op->mfn), v->dom, PGT_WRITABLE))
        return -XEN_EINVAL;
    struct vcpu_info *to = (struct vcpu_info *)((char *)mfn_ptr(mfn(op->mfn)) + op->offset);
    mfn_t none = MFN_NONE;
    /* Two callers at once: one wins. */
    if (!__atomic_compare_exchange_n(&v->info_mfn.n, &none.n, op->mfn, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        page_put_use(mfn(op->mfn));
        return -XEN_EINVAL;
    }
    if (v->info == &dom_no_info)
        *to = (struct vcpu_info){.evtchn_upcall_mask = 1};
    else
        *to = *v->info;
    __atomic_store_n(&v->info, to, __ATOMIC_RELEASE);
    evt_info_moved(v);
    return 0;
}

/* ---- up and down ---------------------------------------------------------------------------- */

static long set_context(struct vcpu *v, uint64_t va)
{
    /* Larger than the stack should hold. */
    mfn_t frames = frame_alloc(NULL, 1, 0, 0);
    long rc;

    if (mfn_eq(frames, MFN_NONE))
        return -XEN_ENOMEM;
    struct vcpu_guest_context *c = mfn_ptr(frames);
    if (guest_read(c, va, sizeof(*c)))
        rc = -XEN_EFAULT;
    else
        rc = x86_vcpu_set_context(v, c);
    frame_free(frames, 1);
    return rc == -XEN_EAGAIN ? HC_AGAIN : rc;
}

static long initialise(struct vcpu *v, uint64_t va)
{
    long rc;

    if (v->info == &dom_no_info)
        return -XEN_EINVAL; /* above 31: needs a vcpu_info of its own first */
    if (__atomic_exchange_n(&v->init_busy, true, __ATOMIC_ACQUIRE))
        return -XEN_EBUSY;
    if (__atomic_load_n(&v->initialised, __ATOMIC_ACQUIRE))
        rc = -XEN_EEXIST;
    else
        rc = set_context(v, va);
    __atomic_store_n(&v->init_busy, false, __ATOMIC_RELEASE);
    return rc;
}

static long up(struct vcpu *v)
{
    if (!__atomic_load_n(&v->initialised, __ATOMIC_ACQUIRE))
        return -XEN_EINVAL;
    sched_up(v);
    return 0;
}

/* The last one that goes down ends the domain. */
static long down(struct vcpu *v)
{
    struct domain *d = v->dom;
    bool others = false;

    for_each_vcpu (o, d)
        others |= o != v && !(o->sched.reasons & SCHED_DOWN);
    if (others)
        sched_down(v);
    else
        dom_shutdown(d, SHUTDOWN_poweroff);
    return 0;
}

/* ---- timers --------------------------------------------------------------------------------- */

static long set_single(struct vcpu *v, uint64_t at)
{
    ns_t deadline = at > INT64_MAX ? INT64_MAX : (ns_t)at;

    /* VCPU_SSHOTTMR_future is ignored, as Xen 4.17 does: what is past fires at once. */
    if (deadline > now()) {
        timer_set(&v->single, deadline);
    } else {
        timer_stop(&v->single);
        evt_raise_virq(v, VIRQ_TIMER);
    }
    return 0;
}

static long set_period(struct vcpu *v, uint64_t period)
{
    if (period < VCPU_PERIOD_MIN || period > PERIOD_MAX)
        return -XEN_EINVAL;
    vcpu_period_set(v, (ns_t)period);
    return 0;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static long get_runstate(struct vcpu *v, uint64_t va)
{
    struct vcpu_runstate_info info;

    sched_runstate(v, &info);
    return guest_put(va, &info);
}

/* Which processor dom0's vcpu sits on: an answer only if it stays there. */
static long get_physid(struct vcpu *v, uint64_t va)
{
    struct vcpu_get_physid op;

    if (!v->dom->is_dom0 || !is_pow2(v->sched.hard))
        return -XEN_EINVAL;
    op.phys_id = x86_cpu_physid(lowest_bit(v->sched.hard));
    return guest_put(va, &op);
}

static long other_op(struct vcpu *caller, struct vcpu *v, uint64_t cmd, uint64_t va)
{
    switch (cmd) {
        ROW(VCPUOP_initialise, initialise(v, va));
        ROW(VCPUOP_up, up(v));
        ROW(VCPUOP_down, down(v));
        ROW(VCPUOP_get_runstate_info, get_runstate(v, va));
        ROW_IN(VCPUOP_register_runstate_memory_area, vcpu_register_runstate_memory_area,
               register_runstate(v, HANDLE(op.addr.h)));
        ROW_IN(VCPUOP_register_vcpu_info, vcpu_register_vcpu_info, register_info(caller, v, &op));
        ROW_IN(VCPUOP_register_vcpu_time_memory_area, vcpu_register_time_memory_area,
               register_time(caller, v, HANDLE(op.addr.h)));
        ROW_IN(VCPUOP_set_periodic_timer, vcpu_set_periodic_timer, set_period(v, op.period_ns));
    case VCPUOP_stop_periodic_timer:
        vcpu_period_set(v, 0);
        return 0;
        ROW(VCPUOP_get_physid, get_physid(v, va));
    case VCPUOP_send_nmi:
        x86_vcpu_send_nmi(v);
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

long hc_vcpu_op(struct vcpu *caller, uint64_t *arg)
{
    const uint64_t va = arg[2];
    struct vcpu *v =
        arg[1] < caller->dom->max_vcpus ? dom_vcpu(caller->dom, (uint32_t)arg[1]) : NULL;

    if (!v)
        return -XEN_ENOENT;
    if (unlikely(v != caller) &&
        (arg[0] == VCPUOP_set_singleshot_timer || arg[0] == VCPUOP_stop_singleshot_timer))
        return -XEN_EINVAL;
    switch (arg[0]) {
        ROW(VCPUOP_is_up, !(v->sched.reasons & SCHED_DOWN));
        ROW_IN(VCPUOP_set_singleshot_timer, vcpu_set_singleshot_timer,
               set_single(v, op.timeout_abs_ns));
    case VCPUOP_stop_singleshot_timer:
        timer_stop(&v->single);
        return 0;
    default:
        return other_op(caller, v, arg[0], va);
    }
}
