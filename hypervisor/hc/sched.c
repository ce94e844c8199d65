/* HYPERVISOR_sched_op and set_timer_op: waiting, yielding, ending, watchdogs; the vcpu's timer. */
#include "core/dom/life.h"
#include "core/time/vcpu_timer.h"
#include "hc/hc.h"
#include "port/clock.h"

#define POLL_MAX_PORTS 128u

static long block(struct vcpu *v)
{
    __atomic_store_n(&v->info->evtchn_upcall_mask, 0, __ATOMIC_RELAXED);
    if (__atomic_load_n(&v->info->evtchn_upcall_pending, __ATOMIC_RELAXED))
        return 0;
    sched_block(v);
    /* Partner: a sender sets pending, then looks at our reasons; both sides have full barriers. */
    if (__atomic_load_n(&v->info->evtchn_upcall_pending, __ATOMIC_SEQ_CST))
        sched_wake(v);
    return 0;
}

static bool upcall_due(const struct vcpu *v)
{
    return __atomic_load_n(&v->info->evtchn_upcall_pending, __ATOMIC_SEQ_CST) &&
           !__atomic_load_n(&v->info->evtchn_upcall_mask, __ATOMIC_RELAXED);
}

static long poll(struct vcpu *v, uint64_t va)
{
    struct sched_poll op;
    uint32_t ports[POLL_MAX_PORTS];

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    if (op.nr_ports > POLL_MAX_PORTS)
        return -XEN_EINVAL;
    if (guest_read(ports, HANDLE(op.ports), op.nr_ports * sizeof(ports[0])))
        return -XEN_EFAULT;
    timer_stop(&v->poll);
    /* First the reason, then the ports: an event in between finds someone to wake. */
    sched_poll_wait(v);
    int rc = evt_poll_begin(v, ports, op.nr_ports);
    if (rc || upcall_due(v)) {
        evt_poll_end(v);
        sched_wake(v);
        return rc < 0 ? rc : 0;
    }
    if (op.timeout)
        timer_set(&v->poll, op.timeout > INT64_MAX ? INT64_MAX : (ns_t)op.timeout);
    return 0;
}

static long shutdown(struct vcpu *v, uint64_t va)
{
    struct sched_shutdown op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    dom_shutdown(v->dom, (uint8_t)op.reason);
    return 0;
}

static long shutdown_code(struct vcpu *v, uint64_t va)
{
    struct sched_shutdown op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    return dom_shutdown_code(v->dom, (uint8_t)op.reason);
}

static long remote_shutdown(struct vcpu *v, uint64_t va)
{
    struct sched_remote_shutdown op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    if (!v->dom->is_dom0 || op.domain_id == DOMID_SELF || op.domain_id == v->dom->id)
        return -XEN_EPERM;
    struct domain *d = dom_get(op.domain_id);
    if (!d)
        return -XEN_ESRCH;
    dom_shutdown(d, (uint8_t)op.reason);
    dom_put(d);
    return 0;
}

static long watchdog(struct vcpu *v, uint64_t va)
{
    struct sched_watchdog op;

    return guest_get(&op, va) ? -XEN_EFAULT : dom_watchdog(v->dom, op.id, op.timeout);
}

static long pin_override(struct vcpu *v, uint64_t va)
{
    struct sched_pin_override op;

    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    return guest_get(&op, va) ? -XEN_EFAULT : sched_pin_override(v, op.pcpu);
}

long hc_sched_op(struct vcpu *v, uint64_t *arg)
{
    switch (arg[0]) {
    case SCHEDOP_yield:
        sched_pass(v);
        return 0;
        ROW(SCHEDOP_block, block(v));
        ROW(SCHEDOP_poll, poll(v, arg[1]));
        ROW(SCHEDOP_shutdown, shutdown(v, arg[1]));
        ROW(SCHEDOP_shutdown_code, shutdown_code(v, arg[1]));
        ROW(SCHEDOP_remote_shutdown, remote_shutdown(v, arg[1]));
        ROW(SCHEDOP_watchdog, watchdog(v, arg[1]));
        ROW(SCHEDOP_pin_override, pin_override(v, arg[1]));
    default:
        return -XEN_ENOSYS;
    }
}

/* The form of before 3.0.2: the reason of a shut-down is the argument itself. */
long hc_sched_op_compat(struct vcpu *v, uint64_t *arg)
{
    if (arg[0] == SCHEDOP_shutdown) {
        dom_shutdown(v->dom, (uint8_t)arg[1]);
        return 0;
    }
    return arg[0] <= SCHEDOP_block ? hc_sched_op(v, arg) : -XEN_ENOSYS;
}

/* Linux of old passed times that had wrapped, or far ones when it had work at once: as on Xen,
 * those fire in 100 ms. 0 stops the timer. */
long hc_set_timer_op(struct vcpu *v, uint64_t *arg)
{
    ns_t deadline = (ns_t)arg[0];

    if (!deadline) {
        timer_stop(&v->single);
        return 0;
    }
    if (unlikely(deadline < 0 || deadline >> 50)) {
        ns_t t = now();

        if (deadline < 0 || (deadline - t) >> 50 > 0)
            deadline = t + 100 * NS_PER_MS;
    }
    timer_set(&v->single, deadline);
    return 0;
}
