/* Sending and raising: from a port to a pending bit and an upcall, without a lock.
 *
 * The 2-level form: a bit per port in shared_info, a bit per 64 ports in the vcpu's selector word,
 * upcall_pending above it. Each is set by an atomic operation before the next one is looked at, and
 * the guest clears them in the opposite order: so none is lost. */
#include "core/evt/evt_private.h"

#include "port/tlb.h"

struct evt_sending evt_sending[SCHED_MAX_CPUS];

void evt_quiesce(const struct domain *d)
{
    /* Read by adding 0, which is a full barrier after what was stored into the ports. Partner: the
     * full barrier between a sender's announcement and its second look at the port. */
    for (unsigned int cpu = 0; cpu < SCHED_MAX_CPUS; cpu++)
        while (__atomic_fetch_add(&evt_sending[cpu].to, 0, __ATOMIC_SEQ_CST) == (uintptr_t)d)
            tlb_serve();
}

/* v has something to look at and did not have before. */
static inline void notify(struct vcpu *v)
{
    /* Partner: a vcpu that blocks sets its reason, then looks at upcall_pending. */
    if (__atomic_load_n(&v->sched.reasons, __ATOMIC_SEQ_CST) & (SCHED_BLOCKED | SCHED_POLL)) {
        evt_poll_end(v);
        sched_wake(v);
    } else if (v != current_vcpu()) {
        cpu_kick_vcpu(v);
    }
}

void evt_upcall(struct vcpu *v)
{
    struct vcpu_info *info = __atomic_load_n(&v->info, __ATOMIC_ACQUIRE);

    if (!__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        notify(v);
}

static inline void select_2l(struct vcpu *v, uint32_t port)
{
    struct vcpu_info *info = __atomic_load_n(&v->info, __ATOMIC_ACQUIRE);

    if (!evt_test_set(&info->evtchn_pending_sel, port / 64) &&
        !__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        notify(v);
}

static inline void pend_2l(struct domain *d, struct vcpu *v, uint32_t port)
{
    /* A port above may have been FIFO's a moment ago (D4). */
    if (unlikely(port >= EVT_PORTS_2L) || evt_test_set(d->shared->evtchn_pending, port))
        return;
    if (!evt_test(d->shared->evtchn_mask, port))
        select_2l(v, port);
    if (unlikely(__atomic_load_n(&d->evt.pollers, __ATOMIC_SEQ_CST)))
        evt_wake_pollers(d, port);
}

static inline void pend(struct domain *d, uint32_t port, uint64_t word)
{
    /* A vcpu that a word names exists and stays. */
    struct vcpu *v = d->vcpu[port_vcpu(word)];

    if (unlikely(__atomic_load_n(&d->evt.fifo, __ATOMIC_ACQUIRE) != NULL))
        evt_pend_fifo(d, v, port, word);
    else
        pend_2l(d, v, port);
}

void evt_pend(struct domain *d, uint32_t port, uint64_t word)
{
    pend(d, port, word);
}

/* To a peer: between our look at the word and the use of its domain, both ports may be closed and
 * the domain freed. So announce whom we are going to touch, and look again: if the word still says
 * the same, the domain was alive after the announcement, and its end waits for us (evt_quiesce). */
static inline bool send_to_peer(struct vcpu *v, struct evt_port *p, uint64_t word)
{
    struct domain *peer = __atomic_load_n(&p->peer, __ATOMIC_RELAXED);
    uintptr_t *sending = &evt_sending[v->sched.cpu].to;

    (void)__atomic_exchange_n(sending, (uintptr_t)peer, __ATOMIC_SEQ_CST);
    bool same = likely(port_word(p) == word && __atomic_load_n(&p->peer, __ATOMIC_RELAXED) == peer);
    if (same) {
        uint32_t port = port_number(word);
        uint64_t theirs = port_word(evt_port_of(peer, port));

        if (likely(port_state(theirs) == PORT_INTERDOMAIN))
            pend(peer, port, theirs);
    }
    __atomic_store_n(sending, 0, __ATOMIC_RELEASE);
    return same;
}

int evt_send(struct vcpu *v, uint32_t port)
{
    struct evt_port *p = evt_port_of(v->dom, port);

    if (unlikely(!p))
        return -XEN_EINVAL;
    for (;;) {
        uint64_t word = port_word(p);

        switch (port_state(word)) {
        case PORT_INTERDOMAIN:
            if (likely(send_to_peer(v, p, word)))
                return 0;
            break; /* it is something else by now */
        case PORT_IPI:
            pend(v->dom, port, word);
            return 0;
        case PORT_UNBOUND:
            return 0; /* nobody there: gone, as on Xen */
        default:
            return -XEN_EINVAL;
        }
    }
}

void evt_raise_port(struct domain *d, uint32_t port)
{
    struct evt_port *p = evt_port_of(d, port);

    if (unlikely(!p))
        return;
    uint64_t word = port_word(p);
    if (likely(port_state(word) != PORT_FREE))
        pend(d, port, word);
}

void evt_raise_virq(struct vcpu *v, uint32_t virq)
{
    uint32_t port = __atomic_load_n(&v->evt.virq_port[virq], __ATOMIC_ACQUIRE);

    if (port)
        evt_raise_port(v->dom, port);
}

void evt_raise_virq_global(uint32_t virq)
{
    if (!dom0)
        return;
    uint32_t port = __atomic_load_n(&dom0->evt.global_virq_port[virq], __ATOMIC_ACQUIRE);
    if (port)
        evt_raise_port(dom0, port);
}

bool evt_port_pending(struct domain *d, uint32_t port)
{
    if (__atomic_load_n(&d->evt.fifo, __ATOMIC_ACQUIRE))
        return evt_fifo_test(d, port, EVTCHN_FIFO_PENDING);
    return port < EVT_PORTS_2L && evt_test(d->shared->evtchn_pending, port);
}

bool evt_port_masked(struct domain *d, uint32_t port)
{
    if (__atomic_load_n(&d->evt.fifo, __ATOMIC_ACQUIRE))
        return evt_fifo_test(d, port, EVTCHN_FIFO_MASKED);
    return port >= EVT_PORTS_2L || evt_test(d->shared->evtchn_mask, port);
}

void evt_clear_pending(struct domain *d, uint32_t port)
{
    if (d->evt.fifo)
        evt_fifo_clear_pending(d, port);
    else if (port < EVT_PORTS_2L)
        evt_test_clear(d->shared->evtchn_pending, port);
}

int evt_unmask(struct domain *d, uint32_t port)
{
    struct evt_port *p = evt_port_of(d, port);

    if (!p)
        return -XEN_EINVAL;
    uint64_t word = port_word(p);
    struct vcpu *v = d->vcpu[port_vcpu(word)];
    if (__atomic_load_n(&d->evt.fifo, __ATOMIC_ACQUIRE))
        evt_fifo_unmask(d, v, port, word);
    else if (port < EVT_PORTS_2L && evt_test_clear(d->shared->evtchn_mask, port) &&
             evt_test(d->shared->evtchn_pending, port))
        select_2l(v, port);
    return 0;
}

void evt_info_moved(struct vcpu *v)
{
    struct vcpu_info *info = v->info;

    __atomic_store_n(&info->evtchn_pending_sel, ~0UL, __ATOMIC_SEQ_CST);
    evt_upcall(v);
}

/* ---- SCHEDOP_poll --------------------------------------------------------------------------- */

int evt_poll_begin(struct vcpu *v, const uint32_t *ports, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!evt_port_of(v->dom, ports[i]))
            return -XEN_EINVAL;
    if (!__atomic_exchange_n(&v->evt.poll_port, n == 1 ? ports[0] : EVT_POLL_ANY, __ATOMIC_SEQ_CST))
        __atomic_add_fetch(&v->dom->evt.pollers, 1, __ATOMIC_SEQ_CST);
    /* Partner: pend_2l() sets the bit, then looks for pollers. Both sides have full barriers. */
    for (uint32_t i = 0; i < n; i++)
        if (evt_port_pending(v->dom, ports[i])) {
            evt_poll_end(v);
            return 1;
        }
    return 0;
}

void evt_poll_end(struct vcpu *v)
{
    if (__atomic_load_n(&v->evt.poll_port, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&v->evt.poll_port, 0, __ATOMIC_SEQ_CST))
        __atomic_sub_fetch(&v->dom->evt.pollers, 1, __ATOMIC_SEQ_CST);
}

void evt_wake_pollers(struct domain *d, uint32_t port)
{
    for_each_vcpu (v, d) {
        uint32_t waits = __atomic_load_n(&v->evt.poll_port, __ATOMIC_SEQ_CST);
        if (waits == port || waits == EVT_POLL_ANY) {
            evt_poll_end(v);
            sched_wake(v);
        }
    }
}
