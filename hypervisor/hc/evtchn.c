/* HYPERVISOR_event_channel_op: copy in, find the domain, call core/evt, copy out. */
#include "hc/hc.h"
#include "port/clock.h"

/* The domain that an operation names: the caller's own, or any for dom0. With a reference. */
static int target(struct vcpu *v, domid_t id, struct domain **d)
{
    *d = dom_get_for(v->dom, id);
    if (*d)
        return 0;
    struct domain *other = v->dom->is_dom0 ? NULL : dom_get(id);
    if (!other)
        return -XEN_ESRCH;
    dom_put(other);
    return -XEN_EPERM;
}

static domid_t resolve(const struct vcpu *v, domid_t id)
{
    return id == DOMID_SELF ? v->dom->id : id;
}

static long alloc_unbound(struct vcpu *v, uint64_t va)
{
    struct evtchn_alloc_unbound op;
    struct domain *d;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    int rc = target(v, op.dom, &d);
    if (rc)
        return rc;
    rc = evt_alloc_unbound(d, resolve(v, op.remote_dom), &op.port);
    dom_put(d);
    return rc ? rc : guest_put(va, &op);
}

static long bind_interdomain(struct vcpu *v, uint64_t va)
{
    struct evtchn_bind_interdomain op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    struct domain *peer = dom_get(resolve(v, op.remote_dom));
    if (!peer)
        return -XEN_ESRCH;
    int rc = evt_bind_interdomain(v->dom, peer, op.remote_port, &op.local_port);
    dom_put(peer);
    return rc ? rc : guest_put(va, &op);
}

static long bind_virq(struct vcpu *v, uint64_t va)
{
    struct evtchn_bind_virq op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    int rc = evt_bind_virq(v->dom, op.virq, op.vcpu, &op.port);
    return rc ? rc : guest_put(va, &op);
}

static long bind_ipi(struct vcpu *v, uint64_t va)
{
    struct evtchn_bind_ipi op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    int rc = evt_bind_ipi(v->dom, op.vcpu, &op.port);
    return rc ? rc : guest_put(va, &op);
}

static long bind_pirq(struct vcpu *v, uint64_t va)
{
    struct evtchn_bind_pirq op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    int rc = evt_bind_pirq(v->dom, op.pirq, op.flags, &op.port);
    return rc ? rc : guest_put(va, &op);
}

static long status(struct vcpu *v, uint64_t va)
{
    struct evtchn_status op;
    struct domain *d;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    int rc = target(v, op.dom, &d);
    if (rc)
        return rc;
    rc = evt_status(d, op.port, &op);
    dom_put(d);
    return rc ? rc : guest_put(va, &op);
}

static long reset(struct vcpu *v, uint64_t va)
{
    struct evtchn_reset op;
    struct domain *d;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    long rc = target(v, op.dom, &d);
    if (rc)
        return rc;
    /* Of another domain only while it stands still. */
    if (d != v->dom && !d->control_pauses)
        rc = -XEN_EINVAL;
    else
        while ((rc = evt_reset_step(d)) > 0)
            if (preempt_wanted()) {
                rc = HC_AGAIN; /* same arguments: it goes on with what is open still */
                break;
            }
    dom_put(d);
    return rc;
}

static long init_control(struct vcpu *v, uint64_t va)
{
    struct evtchn_init_control op;

    if (guest_get(&op, va))
        return -XEN_EFAULT;
    int rc = evt_init_control(v->dom, op.vcpu, op.control_gfn, op.offset);
    if (rc)
        return rc;
    op.link_bits = EVTCHN_FIFO_LINK_BITS;
    return guest_put(va, &op);
}

static __attribute__((noinline)) long other_op(struct vcpu *v, uint64_t cmd, uint64_t va)
{
    union {
        struct evtchn_close close;
        struct evtchn_unmask unmask;
        struct evtchn_bind_vcpu bind_vcpu;
        struct evtchn_set_priority set_priority;
        struct evtchn_expand_array expand_array;
    } op;

    switch (cmd) {
        ROW(EVTCHNOP_alloc_unbound, alloc_unbound(v, va));
        ROW(EVTCHNOP_bind_interdomain, bind_interdomain(v, va));
        ROW(EVTCHNOP_bind_virq, bind_virq(v, va));
        ROW(EVTCHNOP_bind_ipi, bind_ipi(v, va));
        ROW(EVTCHNOP_bind_pirq, bind_pirq(v, va));
        ROW(EVTCHNOP_status, status(v, va));
        ROW(EVTCHNOP_reset, reset(v, va));
        ROW(EVTCHNOP_close,
            guest_get(&op.close, va) ? -XEN_EFAULT : evt_close(v->dom, op.close.port));
        ROW(EVTCHNOP_unmask,
            guest_get(&op.unmask, va) ? -XEN_EFAULT : evt_unmask(v->dom, op.unmask.port));
    case EVTCHNOP_bind_vcpu:
        return guest_get(&op.bind_vcpu, va)
                   ? -XEN_EFAULT
                   : evt_bind_vcpu(v->dom, op.bind_vcpu.port, op.bind_vcpu.vcpu);
    case EVTCHNOP_set_priority:
        return guest_get(&op.set_priority, va)
                   ? -XEN_EFAULT
                   : evt_set_priority(v->dom, op.set_priority.port, op.set_priority.priority);
        ROW(EVTCHNOP_init_control, init_control(v, va));
    case EVTCHNOP_expand_array:
        return guest_get(&op.expand_array, va)
                   ? -XEN_EFAULT
                   : evt_expand_array(v->dom, op.expand_array.array_gfn);
    default:
        return -XEN_ENOSYS;
    }
}

/* Sending is by far the most frequent: nothing else may cost it anything. */
long hc_event_channel_op(struct vcpu *v, uint64_t *arg)
{
    uint32_t port;

    _Static_assert(sizeof(struct evtchn_send) == sizeof(port), "one port");
    if (unlikely(arg[0] != EVTCHNOP_send))
        return other_op(v, arg[0], arg[1]);
    if (unlikely(guest_read32(&port, arg[1])))
        return -XEN_EFAULT;
    return evt_send(v, port);
}

/* The form of before 3.2.2: command and union in one structure. No kernel in use makes it. */
long hc_event_channel_op_compat(struct vcpu *v, uint64_t *arg)
{
    uint32_t cmd;

    if (guest_read(&cmd, arg[0], sizeof(cmd)))
        return -XEN_EFAULT;
    if (cmd > EVTCHNOP_unmask)
        return -XEN_ENOSYS;
    uint64_t words[2] = {cmd, arg[0] + offsetof(struct evtchn_op, u)};
    return hc_event_channel_op(v, words);
}
