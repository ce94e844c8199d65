/* HYPERVISOR_event_channel_op: copy in, find the domain, call core/evt, copy out. */
#include "hc/hc.h"
#include "port/clock.h"

static domid_t resolve(const struct vcpu *v, domid_t id)
{
    return id == DOMID_SELF ? v->dom->id : id;
}

static long alloc_unbound(struct vcpu *v, struct evtchn_alloc_unbound *op)
{
    struct domain *d;
    int rc = dom_find_for(v->dom, op->dom, &d);

    if (rc)
        return rc;
    rc = evt_alloc_unbound(d, resolve(v, op->remote_dom), &op->port);
    dom_put(d);
    return rc;
}

static long bind_interdomain(struct vcpu *v, struct evtchn_bind_interdomain *op)
{
    struct domain *peer = dom_get(resolve(v, op->remote_dom));

    if (!peer)
        return -XEN_ESRCH;
    int rc = evt_bind_interdomain(v->dom, peer, op->remote_port, &op->local_port);
    dom_put(peer);
    return rc;
}

static long status(struct vcpu *v, struct evtchn_status *op)
{
    struct domain *d;
    int rc = dom_find_for(v->dom, op->dom, &d);

    if (rc)
        return rc;
    rc = evt_status(d, op->port, op);
    dom_put(d);
    return rc;
}

static long reset(struct vcpu *v, domid_t id)
{
    struct domain *d;
    long rc = dom_find_for(v->dom, id, &d);

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

static long init_control(struct vcpu *v, struct evtchn_init_control *op)
{
    op->link_bits = EVTCHN_FIFO_LINK_BITS;
    return evt_init_control(v->dom, op->vcpu, op->control_gfn, op->offset);
}

static __attribute__((noinline)) long other_op(struct vcpu *v, uint64_t cmd, uint64_t va)
{
    struct domain *d = v->dom;

    switch (cmd) {
        ROW_IN_OUT(EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, alloc_unbound(v, &op));
        ROW_IN_OUT(EVTCHNOP_bind_interdomain, evtchn_bind_interdomain, bind_interdomain(v, &op));
        ROW_IN_OUT(EVTCHNOP_bind_virq, evtchn_bind_virq,
                   evt_bind_virq(d, op.virq, op.vcpu, &op.port));
        ROW_IN_OUT(EVTCHNOP_bind_ipi, evtchn_bind_ipi, evt_bind_ipi(d, op.vcpu, &op.port));
        ROW_IN_OUT(EVTCHNOP_bind_pirq, evtchn_bind_pirq,
                   d->is_dom0 ? evt_bind_pirq(d, op.pirq, op.flags, &op.port) : -XEN_EPERM);
        ROW_IN_OUT(EVTCHNOP_status, evtchn_status, status(v, &op));
        ROW_IN_OUT(EVTCHNOP_init_control, evtchn_init_control, init_control(v, &op));
        ROW_IN(EVTCHNOP_reset, evtchn_reset, reset(v, op.dom));
        ROW_IN(EVTCHNOP_close, evtchn_close, evt_close(d, op.port));
        ROW_IN(EVTCHNOP_unmask, evtchn_unmask, evt_unmask(d, op.port));
        ROW_IN(EVTCHNOP_bind_vcpu, evtchn_bind_vcpu, evt_bind_vcpu(d, op.port, op.vcpu));
        ROW_IN(EVTCHNOP_set_priority, evtchn_set_priority,
               evt_set_priority(d, op.port, op.priority));
        ROW_IN(EVTCHNOP_expand_array, evtchn_expand_array, evt_expand_array(d, op.array_gfn));
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
