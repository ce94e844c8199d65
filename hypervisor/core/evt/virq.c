/* Binding VIRQs to ports; the audit and dump of a domain's ports. */
#include "core/evt/evt_private.h"

#include "port/log.h"

static uint32_t *slot_of(struct domain *d, struct vcpu *v, uint32_t virq)
{
    return evt_virq_is_global(virq) ? &d->evt.global_virq_port[virq] : &v->evt.virq_port[virq];
}

int evt_bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port)
{
    struct vcpu *v = dom_vcpu(d, vcpu);

    if (virq >= NR_VIRQS || (evt_virq_is_global(virq) && vcpu != 0))
        return -XEN_EINVAL;
    if (!v)
        return -XEN_ENOENT;
    lock_take(&d->evt.lock);
    uint32_t *slot = slot_of(d, v, virq);
    int rc = *slot ? -XEN_EEXIST : evt_find_free(d, port);
    if (!rc) {
        evt_take(d, *port, port_make(PORT_VIRQ, vcpu, 0, virq));
        __atomic_store_n(slot, *port, __ATOMIC_RELEASE);
    }
    lock_drop(&d->evt.lock);
    return rc;
}

/* ---- audit ---------------------------------------------------------------------------------- */

static unsigned int wrong(bool bad, const struct domain *d, uint32_t port, const char *what)
{
    if (bad)
        log_err("evt: d%u port %u: %s\n", d->id, port, what);
    return bad;
}

static unsigned int audit_port(struct domain *d, uint32_t port, uint64_t word)
{
    const struct evt_port *p = evt_port_of(d, port);
    unsigned int bad = 0;

    switch (port_state(word)) {
    case PORT_FREE:
        return wrong(word || p->peer, d, port, "free, but not empty");
    case PORT_INTERDOMAIN: {
        /* The peer's lock is not held: only our own view, and a pair within one domain. */
        if (wrong(!p->peer || p->peer->id != port_domid(word), d, port, "peer (E3)"))
            return 1;
        if (p->peer != d)
            break;
        const struct evt_port *q = evt_port_of(d, port_number(word));
        bad += wrong(!q || port_state(q->word) != PORT_INTERDOMAIN || port_number(q->word) != port,
                     d, port, "pair (E2)");
        break;
    }
    case PORT_VIRQ:
        bad += wrong(port_number(word) >= NR_VIRQS ||
                         *slot_of(d, d->vcpu[port_vcpu(word)], port_number(word)) != port,
                     d, port, "VIRQ names another port (E6)");
        break;
    case PORT_UNBOUND:
    case PORT_PIRQ:
    case PORT_IPI:
        bad += wrong(p->peer, d, port, "a peer where none belongs");
        break;
    default:
        return wrong(true, d, port, "unknown state");
    }
    return bad + wrong(!dom_vcpu(d, port_vcpu(word)), d, port, "no such vcpu");
}

unsigned int evt_audit(struct domain *d)
{
    unsigned int bad = 0;
    uint32_t used = 0;

    lock_take(&d->evt.lock);
    for (uint32_t port = 1; port < d->evt.bound; port++) {
        uint64_t word = evt_port_of(d, port)->word;

        used += port_state(word) != PORT_FREE;
        bad += audit_port(d, port, word);
        bad += wrong(port < d->evt.next_free && port_state(word) == PORT_FREE, d, port,
                     "free, but below next_free");
    }
    bad += wrong(used != d->evt.used, d, 0, "count of ports in use");
    for (uint32_t virq = 0; virq < NR_VIRQS; virq++)
        for_each_vcpu (v, d) {
            uint32_t port = *slot_of(d, v, virq);
            const struct evt_port *p = evt_port_of(d, port);

            bad += wrong(
                port && (!p || port_state(p->word) != PORT_VIRQ || port_number(p->word) != virq), d,
                port, "not the VIRQ's (E6)");
        }
    lock_drop(&d->evt.lock);
    return bad;
}

void evt_dump(struct domain *d)
{
    static const char *const names[] = {"free", "unbound", "interdomain", "pirq", "virq", "ipi"};

    lock_take(&d->evt.lock);
    log_info("d%u: %u ports in use, %s\n", d->id, d->evt.used, d->evt.fifo ? "FIFO" : "2-level");
    for (uint32_t port = 1; port < d->evt.bound; port++) {
        uint64_t word = evt_port_of(d, port)->word;

        if (port_state(word) != PORT_FREE)
            log_info("  %u: %s v%u d%u %u%s%s\n", port, names[port_state(word)], port_vcpu(word),
                     port_domid(word), port_number(word),
                     evt_port_pending(d, port) ? " pending" : "",
                     evt_port_masked(d, port) ? " masked" : "");
    }
    lock_drop(&d->evt.lock);
}
