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

static long poll(struct vcpu *v, const struct sched_poll *op)
{
    uint32_t ports[POLL_MAX_PORTS];

    if (op->nr_ports > POLL_MAX_PORTS)
        return -XEN_EINVAL;
    if (guest_read(ports, HANDLE(op->ports), op->nr_ports * sizeof(ports[0])))
        return -XEN_EFAULT;
    timer_stop(&v->poll);
    /* First the reason, then the ports: an event in between finds someone to wake. */
    sched_poll_wait(v);
    int rc = evt_poll_begin(v, ports, op->nr_ports);
    if (rc || upcall_due(v)) {
        evt_poll_end(v);
        sched_wake(v);
        return rc < 0 ? rc : 0;
    }
    if (op->timeout)
        timer_set(&v->poll, op->timeout > INT64_MAX ? INT64_MAX : (ns_t)op->timeout);
    return 0;
}

static long shutdown(struct domain *d, uint32_t reason)
{
    dom_shutdown(d, (uint8_t)reason);
    return 0;
}

static long remote_shutdown(struct vcpu *v, const struct sched_remote_shutdown *op)
{
    if (!v->dom->is_dom0 || op->domain_id == DOMID_SELF || op->domain_id == v->dom->id)
        return -XEN_EPERM;
    struct domain *d = dom_get(op->domain_id);
    if (!d)
        return -XEN_ESRCH;
    dom_shutdown(d, (uint8_t)op->reason);
    dom_put(d);
    return 0;
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
    const uint64_t va = arg[1];

    switch (arg[0]) {
    case SCHEDOP_yield:
        sched_pass(v);
        return 0;
        ROW(SCHEDOP_block, block(v));
        ROW_IN(SCHEDOP_poll, sched_poll, poll(v, &op));
        ROW_IN(SCHEDOP_shutdown, sched_shutdown, shutdown(v->dom, op.reason));
        ROW_IN(SCHEDOP_shutdown_code, sched_shutdown,
               dom_shutdown_code(v->dom, (uint8_t)op.reason));
        ROW_IN(SCHEDOP_remote_shutdown, sched_remote_shutdown, remote_shutdown(v, &op));
        ROW_IN(SCHEDOP_watchdog, sched_watchdog, dom_watchdog(v->dom, op.id, op.timeout));
        ROW(SCHEDOP_pin_override, pin_override(v, va));
    default:
        return -XEN_ENOSYS;
    }
}

/* The form of before 3.0.2: the reason of a shut-down is the argument itself. */
long hc_sched_op_compat(struct vcpu *v, uint64_t *arg)
{
    if (arg[0] == SCHEDOP_shutdown)
        return shutdown(v->dom, (uint32_t)arg[1]);
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
