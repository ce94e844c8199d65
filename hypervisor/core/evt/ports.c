/* Ports: opening, binding, closing. Each call decides under the lock(s), then changes. */
#include "core/evt/evt_private.h"

#include "core/frame/page.h"
#include "port/log.h"
#include "port/pirq.h"

#define CLOSE_STEP 64u /* ports closed between two chances to be preempted */

void evt_domain_init(struct domain *d, uint32_t max_port)
{
    struct evt_table *t = &d->evt;

    lock_init(&t->lock, RANK_EVT, "evt");
    t->max_ports = max_port < EVT_PORTS_FIFO ? max_port + 1 : EVT_PORTS_FIFO;
    t->next_free = 1;
    t->cursor = 1;
    t->dir = t->dir_small;
}

void evt_vcpu_init(struct vcpu *v)
{
    v->evt = (struct evt_vcpu){.poll_port = 0};
    lock_init(&v->evt.fifo_lock, RANK_FIFO, "evt fifo");
}

void evt_lock_two(struct domain *a, struct domain *b) UNCHECKED
{
    if (a->id > b->id) {
        struct domain *t = a;
        a = b;
        b = t;
    }
    lock_take(&a->evt.lock);
    if (a != b)
        lock_take(&b->evt.lock);
}

void evt_unlock_two(struct domain *a, struct domain *b) UNCHECKED
{
    lock_drop(&a->evt.lock);
    if (a != b)
        lock_drop(&b->evt.lock);
}

/* ---- finding a free port -------------------------------------------------------------------- */

static uint32_t port_limit(const struct domain *d)
{
    uint32_t form = d->evt.fifo ? EVT_PORTS_FIFO : EVT_PORTS_2L;

    return d->evt.max_ports < form ? d->evt.max_ports : form;
}

/* More than dir_small can name: a frame of pointers takes its place. The old one stays right. */
static int grow_dir(struct evt_table *t)
{
    struct evt_port **dir = hv_page_alloc();

    if (!dir)
        return -XEN_ENOMEM;
    for (unsigned int i = 0; i < ARRAY_SIZE(t->dir_small); i++)
        dir[i] = t->dir_small[i];
    __atomic_store_n(&t->dir, dir, __ATOMIC_RELEASE);
    return 0;
}

/* Memory for the next EVT_BUCKET ports; published last: bucket, then bound (partner:
 * evt_port_of). */
static int grow(struct domain *d) NEEDS(d->evt.lock)
{
    struct evt_table *t = &d->evt;
    uint32_t i = t->bound / EVT_BUCKET;

    if (i == ARRAY_SIZE(t->dir_small) && t->dir == t->dir_small && grow_dir(t))
        return -XEN_ENOMEM;
    struct evt_port *bucket = hv_page_alloc();
    if (!bucket)
        return -XEN_ENOMEM;
    t->dir[i] = bucket;
    __atomic_store_n(&t->bound, t->bound + EVT_BUCKET, __ATOMIC_RELEASE);
    return 0;
}

int evt_find_free(struct domain *d, uint32_t *port)
{
    struct evt_table *t = &d->evt;

    if (t->closing)
        return -XEN_EINVAL;
    bool passed = false; /* a free one that cannot be used now */
    for (uint32_t n = t->next_free; n < port_limit(d); n++) {
        if (n >= t->bound && grow(d))
            return -XEN_ENOMEM;
        if (port_state(evt_port_of(d, n)->word) != PORT_FREE)
            continue;
        /* A FIFO port that was closed may still be linked in a queue of the guest's. */
        if (evt_fifo_port_busy(d, n)) {
            passed = true;
            continue;
        }
        if (!passed)
            t->next_free = n;
        *port = n;
        return 0;
    }
    return -XEN_ENOSPC;
}

void evt_take(struct domain *d, uint32_t port, uint64_t word)
{
    d->evt.used++;
    if (port == d->evt.next_free)
        d->evt.next_free++;
    port_store(evt_port_of(d, port), word);
}

static void release(struct domain *d, uint32_t port) NEEDS(d->evt.lock)
{
    struct evt_port *p = evt_port_of(d, port);

    port_store(p, 0);
    __atomic_store_n(&p->peer, NULL, __ATOMIC_RELAXED);
    evt_clear_pending(d, port);
    d->evt.used--;
    if (port < d->evt.next_free)
        d->evt.next_free = port;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_as(struct domain *d, uint64_t word, uint32_t *port)
{
    lock_take(&d->evt.lock);
    int rc = evt_find_free(d, port);
    if (!rc)
        evt_take(d, *port, word);
    lock_drop(&d->evt.lock);
    return rc;
}

int evt_alloc_unbound(struct domain *d, domid_t remote, uint32_t *port)
{
    /* Events of a domain without vcpus would have nowhere to go. */
    if (!dom_vcpu(d, 0))
        return -XEN_ENOENT;
    return open_as(d, port_make(PORT_UNBOUND, 0, remote, 0), port);
}

static void connect(struct domain *d, uint32_t port, struct domain *peer, uint32_t peer_port)
{
    struct evt_port *p = evt_port_of(d, port);
    uint64_t old = p->word;
    uint64_t word = port_make(PORT_INTERDOMAIN, port_vcpu(old), peer->id, peer_port);

    if (port_state(old) != PORT_FREE)
        word = port_with_priority(word, port_priority(old));
    __atomic_store_n(&p->peer, peer, __ATOMIC_RELAXED);
    port_store(p, word);
}

int evt_bind_interdomain(struct domain *d, struct domain *peer, uint32_t peer_port,
                         uint32_t *port) UNCHECKED
{
    evt_lock_two(d, peer);
    const struct evt_port *theirs = evt_port_of(peer, peer_port);
    int rc = -XEN_EINVAL;

    if (theirs && !peer->evt.closing && port_state(theirs->word) == PORT_UNBOUND &&
        port_domid(theirs->word) == d->id)
        rc = evt_find_free(d, port);
    if (!rc) {
        connect(d, *port, peer, peer_port);
        connect(peer, peer_port, d, *port);
        evt_take(d, *port, evt_port_of(d, *port)->word);
        /* The peer may have sent before we were there. */
        evt_pend(d, *port, evt_port_of(d, *port)->word);
    }
    evt_unlock_two(d, peer);
    return rc;
}

int evt_bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port)
{
    return dom_vcpu(d, vcpu) ? open_as(d, port_make(PORT_IPI, vcpu, 0, 0), port) : -XEN_ENOENT;
}

int evt_bind_pirq(struct domain *d, uint32_t pirq, uint32_t flags, uint32_t *port)
{
    if (pirq >= PIRQ_MAX || flags & ~(uint32_t)BIND_PIRQ__WILL_SHARE)
        return -XEN_EINVAL;
    if (!pirq_is_mapped(d, pirq))
        return -XEN_EPERM;
    lock_take(&d->evt.lock);
    int rc = evt_find_free(d, port);
    if (!rc) {
        evt_take(d, *port, port_make(PORT_PIRQ, 0, 0, pirq));
        /* Last, as interrupts come from then on; undone is only what this call did (D8). */
        rc = pirq_bind(d, pirq, *port);
        if (rc)
            release(d, *port);
    }
    lock_drop(&d->evt.lock);
    return rc;
}

/* ---- closing -------------------------------------------------------------------------------- */

/* A port that has no peer. */
static void close_single(struct domain *d, uint32_t port) NEEDS(d->evt.lock)
{
    uint64_t word = evt_port_of(d, port)->word;

    if (port_state(word) == PORT_PIRQ)
        pirq_unbind(d, port_number(word));
    else if (port_state(word) == PORT_VIRQ)
        __atomic_store_n(evt_virq_is_global(port_number(word))
                             ? &d->evt.global_virq_port[port_number(word)]
                             : &d->vcpu[port_vcpu(word)]->evt.virq_port[port_number(word)],
                         0, __ATOMIC_RELEASE);
    release(d, port);
}

/* If the port still is what `word` says, connected to `peer`: closes it, the peer waits anew. */
static bool close_pair(struct domain *d, uint32_t port, uint64_t word,
                       struct domain *peer) UNCHECKED
{
    evt_lock_two(d, peer);
    struct evt_port *p = evt_port_of(d, port);
    bool same = p->word == word && p->peer == peer;

    if (same) {
        struct evt_port *theirs = evt_port_of(peer, port_number(word));
        uint64_t waits = port_make(PORT_UNBOUND, port_vcpu(theirs->word), d->id, 0);

        port_store(theirs, port_with_priority(waits, port_priority(theirs->word)));
        __atomic_store_n(&theirs->peer, NULL, __ATOMIC_RELAXED);
        release(d, port);
    }
    evt_unlock_two(d, peer);
    return same;
}

int evt_close(struct domain *d, uint32_t port)
{
    for (;;) {
        lock_take(&d->evt.lock);
        const struct evt_port *p = evt_port_of(d, port);
        uint64_t word = p ? p->word : 0;
        enum port_state state = port_state(word);

        if (state != PORT_INTERDOMAIN) {
            if (state != PORT_FREE)
                close_single(d, port);
            lock_drop(&d->evt.lock);
            return state == PORT_FREE ? -XEN_EINVAL : 0;
        }
        lock_drop(&d->evt.lock);
        /* Without the lock, as the peer's may have to come first; a reference keeps it alive. */
        struct domain *peer = port_domid(word) == d->id ? d : dom_get(port_domid(word));
        bool done = peer && close_pair(d, port, word, peer);
        if (peer && peer != d)
            dom_put(peer);
        if (done)
            return 0;
    }
}

/* Closes some ports from the cursor on; true when none is left. */
static bool close_some(struct domain *d)
{
    struct evt_table *t = &d->evt;

    for (uint32_t n = 0; n < CLOSE_STEP && t->used; n++) {
        uint32_t port = t->cursor;

        /* Beyond the end: one was opened behind our back (reset only). */
        t->cursor = port + 1 < t->bound ? port + 1 : 1;
        if (evt_close(d, port))
            continue; /* it was free */
    }
    if (t->used)
        return false;
    t->cursor = 1;
    return true;
}

int evt_reset_step(struct domain *d)
{
    if (!close_some(d))
        return 1;
    evt_fifo_end(d);
    return 0;
}

bool evt_destroy_step(struct domain *d)
{
    struct evt_table *t = &d->evt;

    lock_take(&t->lock);
    t->closing = true;
    lock_drop(&t->lock);
    if (!close_some(d))
        return false;
    evt_quiesce(d);
    evt_fifo_end(d);
    /* Who holds a reference to d may still ask for the state of its ports, or close them. */
    lock_take(&t->lock);
    for (uint32_t i = 0; i < t->bound / EVT_BUCKET; i++)
        hv_page_free(t->dir[i]);
    t->bound = 0;
    if (t->dir != t->dir_small)
        hv_page_free(t->dir);
    t->dir = t->dir_small;
    lock_drop(&t->lock);
    return true;
}

/* ---- looking and changing ------------------------------------------------------------------- */

int evt_status(struct domain *d, uint32_t port, struct evtchn_status *out)
{
    static const struct evt_port zero; /* port 0 is nobody's, but lsevtchn begins there */

    lock_take(&d->evt.lock);
    const struct evt_port *p = port ? evt_port_of(d, port) : &zero;
    uint64_t word = p ? p->word : 0;
    lock_drop(&d->evt.lock);
    if (!p)
        return -XEN_EINVAL;
    out->vcpu = port_vcpu(word);
    switch (port_state(word)) {
    case PORT_FREE:
        out->status = EVTCHNSTAT_closed;
        break;
    case PORT_UNBOUND:
        out->status = EVTCHNSTAT_unbound;
        out->u.unbound.dom = port_domid(word);
        break;
    case PORT_INTERDOMAIN:
        out->status = EVTCHNSTAT_interdomain;
        out->u.interdomain.dom = port_domid(word);
        out->u.interdomain.port = port_number(word);
        break;
    case PORT_PIRQ:
        out->status = EVTCHNSTAT_pirq;
        out->u.pirq = port_number(word);
        break;
    case PORT_VIRQ:
        out->status = EVTCHNSTAT_virq;
        out->u.virq = port_number(word);
        break;
    case PORT_IPI:
        out->status = EVTCHNSTAT_ipi;
        break;
    }
    return 0;
}

int evt_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu)
{
    const struct vcpu *v = dom_vcpu(d, vcpu);
    int rc = 0;

    if (!v)
        return -XEN_ENOENT;
    lock_take(&d->evt.lock);
    struct evt_port *p = evt_port_of(d, port);
    uint64_t word = p ? p->word : 0;
    switch (port_state(word)) {
    case PORT_VIRQ:
        rc = evt_virq_is_global(port_number(word)) ? 0 : -XEN_EINVAL;
        break;
    case PORT_UNBOUND:
    case PORT_INTERDOMAIN:
    case PORT_PIRQ:
        break;
    default:
        rc = -XEN_EINVAL;
    }
    if (!rc) {
        port_store(p, port_with_vcpu(word, vcpu));
        if (port_state(word) == PORT_PIRQ)
            pirq_affinity(d, port_number(word), v);
    }
    lock_drop(&d->evt.lock);
    return rc;
}

int evt_set_priority(struct domain *d, uint32_t port, uint32_t priority)
{
    int rc = 0;

    lock_take(&d->evt.lock);
    struct evt_port *p = evt_port_of(d, port);
    if (!p)
        rc = -XEN_EINVAL;
    else if (!d->evt.fifo)
        rc = -XEN_ENOSYS;
    else if (priority > EVTCHN_FIFO_PRIORITY_MIN)
        rc = -XEN_EINVAL;
    else if (port_state(p->word) != PORT_FREE)
        port_store(p, port_with_priority(p->word, priority));
    lock_drop(&d->evt.lock);
    return rc;
}
