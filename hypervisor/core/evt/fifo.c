/* FIFO event channels: a word per port in frames of the guest, and per vcpu 16 queues (priorities)
 * that link the words of pending ports; the guest takes them from the head, we append at the tail.
 *
 *   F1  frames of the guest (array, control blocks) hold a writable use while they are in
 * d->evt.fifo or v->evt.control F2  those, and d->evt.fifo itself, are touched only with a
 * fifo_lock of one of d's vcpus held (or evt.lock), after finding d->evt.fifo set; evt_fifo_end()
 * unsets it first and takes each of these locks once before it lets go of anything (D7: 343, 358,
 * 359, 505) F3  tail[q] of a vcpu is the last port that was linked into q, or 0; both it and
 * last[port] (where the port was linked last) change under the locks of the vcpus concerned F4
 * nothing is published before it is complete: array frame, then the count; all of the structure,
 * then d->evt.fifo
 *
 * The guest may write anything into its frames. A port number read from there is never used: links
 * are only written here; only bits are read. Loops on a word that the guest changes are bounded. */
#include "core/evt/evt_private.h"

#include "core/frame/frame.h"
#include "port/log.h"

#define WORDS_PER_FRAME (FRAME_SIZE / sizeof(event_word_t))
#define MAX_FRAMES      (EVT_PORTS_FIFO / WORDS_PER_FRAME)
#define LAST_PER_PAGE   (FRAME_SIZE / sizeof(uint16_t))
#define LINK_TRIES      4u
#define EARLY_PORTS     16384u

struct evt_fifo {
    uint32_t words; /* ports that have a word */
    event_word_t *array[MAX_FRAMES];
    uint16_t *last[EVT_PORTS_FIFO / LAST_PER_PAGE]; /* vcpu << 4 | queue */
    uint64_t early[EARLY_PORTS / 64];               /* raised before they had a word */
};

_Static_assert(sizeof(struct evt_fifo) <= FRAME_SIZE, "one page");

static inline uint32_t bit(uint32_t n)
{
    return 1u << n;
}

static event_word_t *word_of(const struct evt_fifo *f, uint32_t port)
{
    if (unlikely(port >= __atomic_load_n(&f->words, __ATOMIC_ACQUIRE)))
        return NULL;
    return &f->array[port / WORDS_PER_FRAME][port % WORDS_PER_FRAME];
}

static bool set_bit(event_word_t *w, uint32_t n)
{
    return __atomic_fetch_or(w, bit(n), __ATOMIC_SEQ_CST) & bit(n);
}

static bool clear_bit(event_word_t *w, uint32_t n)
{
    return __atomic_fetch_and(w, ~bit(n), __ATOMIC_SEQ_CST) & bit(n);
}

static bool has_bit(const event_word_t *w, uint32_t n)
{
    return __atomic_load_n(w, __ATOMIC_RELAXED) & bit(n);
}

/* Makes the tail's word point to the port, if the tail still is in the queue: 1; 0 if the guest has
 * taken it. An honest guest, kept from unmasking by BUSY, can make this fail a few times only. */
static bool link_after(event_word_t *tail, uint32_t port)
{
    event_word_t seen = __atomic_load_n(tail, __ATOMIC_RELAXED);

    for (unsigned int i = 0; i <= LINK_TRIES; i++) {
        if (!(seen & bit(EVTCHN_FIFO_LINKED))) {
            if (seen & bit(EVTCHN_FIFO_BUSY))
                clear_bit(tail, EVTCHN_FIFO_BUSY);
            return false;
        }
        event_word_t next = (seen & ~(bit(EVTCHN_FIFO_BUSY) | EVTCHN_FIFO_LINK_MASK)) | port;
        if (__atomic_compare_exchange_n(tail, &seen, next, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            return true;
        set_bit(tail, EVTCHN_FIFO_BUSY);
        seen = __atomic_load_n(tail, __ATOMIC_RELAXED);
    }
    clear_bit(tail, EVTCHN_FIFO_BUSY);
    return true; /* a guest that plays with its queue loses what is in it */
}

static uint16_t *last_of(const struct evt_fifo *f, uint32_t port)
{
    return &f->last[port / LAST_PER_PAGE][port % LAST_PER_PAGE];
}

/* v's lock, and that of the vcpu in whose queue the port was last. Returns the latter. */
static struct vcpu *lock_both(struct domain *d, struct vcpu *v, uint32_t port) UNCHECKED
{
    for (;;) {
        lock_take(&v->evt.fifo_lock);
        const struct evt_fifo *f = d->evt.fifo;
        if (!f || !word_of(f, port))
            return v;
        uint16_t last = __atomic_load_n(last_of(f, port), __ATOMIC_RELAXED);
        struct vcpu *old = d->vcpu[last >> 4];
        if (likely(old == v))
            return v;
        lock_drop(&v->evt.fifo_lock);
        lock_take(&(old->id < v->id ? old : v)->evt.fifo_lock);
        lock_take(&(old->id < v->id ? v : old)->evt.fifo_lock);
        f = d->evt.fifo;
        if (!f || !word_of(f, port) || *last_of(f, port) == last)
            return old;
        lock_drop(&v->evt.fifo_lock);
        lock_drop(&old->evt.fifo_lock);
    }
}

static void unlock_both(struct vcpu *v, struct vcpu *old) UNCHECKED
{
    lock_drop(&v->evt.fifo_lock);
    if (old != v)
        lock_drop(&old->evt.fifo_lock);
}

/* The port joins v's queue. True when the guest must be told of it. */
static bool enqueue(const struct evt_fifo *f, struct vcpu *v, struct vcpu *old, uint32_t port,
                    uint32_t queue)
{
    uint16_t *last = last_of(f, port);
    uint32_t *old_tail = &old->evt.tail[*last & 15];
    bool linked = false;

    /* It was the tail, and is out of that queue: so that queue is empty. */
    if (*old_tail == port)
        *old_tail = 0;
    __atomic_store_n(last, (uint16_t)(v->id << 4 | queue), __ATOMIC_RELAXED);
    if (v->evt.tail[queue])
        linked = link_after(word_of(f, v->evt.tail[queue]), port);
    if (!linked)
        __atomic_store_n(&v->evt.control->head[queue], port, __ATOMIC_RELEASE);
    v->evt.tail[queue] = port;
    return !linked &&
           !(__atomic_fetch_or(&v->evt.control->ready, bit(queue), __ATOMIC_SEQ_CST) & bit(queue));
}

void evt_pend_fifo(struct domain *d, struct vcpu *v, uint32_t port, uint64_t word)
{
    struct vcpu *old = lock_both(d, v, port);
    const struct evt_fifo *f = d->evt.fifo;
    event_word_t *w = f ? word_of(f, port) : NULL;
    bool tell = false, was = true;

    if (unlikely(!w)) {
        if (f && port < EARLY_PORTS)
            (void)evt_test_set(d->evt.fifo->early, port);
    } else {
        was = set_bit(w, EVTCHN_FIFO_PENDING);
        if (likely(v->evt.control) && !has_bit(w, EVTCHN_FIFO_MASKED) &&
            !has_bit(w, EVTCHN_FIFO_LINKED) && !set_bit(w, EVTCHN_FIFO_LINKED))
            tell = enqueue(f, v, old, port, port_priority(word));
    }
    unlock_both(v, old);
    if (tell)
        evt_upcall(v);
    if (!was && unlikely(__atomic_load_n(&d->evt.pollers, __ATOMIC_SEQ_CST)))
        evt_wake_pollers(d, port);
}

/* ---- single words --------------------------------------------------------------------------- */

/* Any vcpu's lock keeps the words where they are (F2). */
static event_word_t *hold_word(struct domain *d, uint32_t port) UNCHECKED
{
    lock_take(&d->vcpu[0]->evt.fifo_lock);
    const struct evt_fifo *f = d->evt.fifo;
    event_word_t *w = f ? word_of(f, port) : NULL;
    if (!w)
        lock_drop(&d->vcpu[0]->evt.fifo_lock);
    return w;
}

static void let_go(struct domain *d) UNCHECKED
{
    lock_drop(&d->vcpu[0]->evt.fifo_lock);
}

bool evt_fifo_test(struct domain *d, uint32_t port, uint32_t n)
{
    event_word_t *w = hold_word(d, port);

    if (!w)
        return n == EVTCHN_FIFO_MASKED;
    bool set = has_bit(w, n);
    let_go(d);
    return set;
}

bool evt_fifo_port_busy(struct domain *d, uint32_t port)
{
    return d->evt.fifo && evt_fifo_test(d, port, EVTCHN_FIFO_LINKED);
}

void evt_fifo_clear_pending(struct domain *d, uint32_t port)
{
    event_word_t *w = hold_word(d, port);

    if (w) {
        clear_bit(w, EVTCHN_FIFO_PENDING);
        let_go(d);
    } else if (port < EARLY_PORTS) {
        (void)evt_test_clear(d->evt.fifo->early, port); /* evt.lock is held */
    }
}

void evt_fifo_unmask(struct domain *d, struct vcpu *v, uint32_t port, uint64_t word)
{
    event_word_t *w = hold_word(d, port);

    if (!w)
        return;
    clear_bit(w, EVTCHN_FIFO_MASKED);
    bool pending = has_bit(w, EVTCHN_FIFO_PENDING);
    let_go(d);
    if (pending)
        evt_pend_fifo(d, v, port, word);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static int begin(struct domain *d) NEEDS(d->evt.lock)
{
    if (d->evt.fifo)
        return 0;
    if (!d->vcpu[0])
        return -XEN_EINVAL; /* ports that were never linked count as its (last[] is 0) */
    struct evt_fifo *f = hv_page_alloc();
    if (!f)
        return -XEN_ENOMEM;
    /* What is pending in the other form comes again when the ports get their words. */
    for (uint32_t port = 1; port < EVT_PORTS_2L && port < d->evt.bound; port++)
        if (port_state(evt_port_of(d, port)->word) != PORT_FREE &&
            evt_test(d->shared->evtchn_pending, port))
            (void)evt_test_set(f->early, port);
    __atomic_store_n(&d->evt.fifo, f, __ATOMIC_RELEASE);
    return 0;
}

int evt_init_control(struct domain *d, uint32_t vcpu, uint64_t gfn, uint32_t offset)
{
    struct vcpu *v = dom_vcpu(d, vcpu);

    if (!v)
        return -XEN_ENOENT;
    if (offset > FRAME_SIZE - sizeof(*v->evt.control) || offset & 7)
        return -XEN_EINVAL;
    lock_take(&d->evt.lock);
    int rc = d->evt.closing || v->evt.control ? -XEN_EINVAL : 0;
    if (!rc)
        rc = page_get_use(mfn(gfn), d, PGT_WRITABLE) ? -XEN_EINVAL : 0;
    if (!rc) {
        rc = begin(d);
        if (rc)
            page_put_use(mfn(gfn));
    }
    if (!rc) {
        lock_take(&v->evt.fifo_lock);
        for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
            v->evt.tail[i] = 0;
        v->evt.control = (struct evtchn_fifo_control_block *)((char *)mfn_ptr(mfn(gfn)) + offset);
        lock_drop(&v->evt.fifo_lock);
    }
    lock_drop(&d->evt.lock);
    return rc;
}

/* Ports that were raised before they had a word. Beyond those of which we know, all that are bound:
 * nobody minds one event too many. */
static void raise_again(struct domain *d, struct evt_fifo *f, uint32_t from) NEEDS(d->evt.lock)
{
    for (uint32_t port = from; port < from + WORDS_PER_FRAME && port < d->evt.bound; port++) {
        const struct evt_port *p = evt_port_of(d, port);

        if (port < EARLY_PORTS && !evt_test_clear(f->early, port))
            continue;
        if (p && port_state(p->word) != PORT_FREE)
            evt_pend_fifo(d, d->vcpu[port_vcpu(p->word)], port, p->word);
    }
}

static int expand(struct domain *d, struct evt_fifo *f, uint64_t gfn) NEEDS(d->evt.lock)
{
    uint32_t n = f->words / (uint32_t)WORDS_PER_FRAME;
    uint16_t **last = &f->last[f->words / LAST_PER_PAGE];

    if (n >= MAX_FRAMES)
        return -XEN_ENOSPC;
    if (page_get_use(mfn(gfn), d, PGT_WRITABLE))
        return -XEN_EINVAL;
    if (!*last)
        *last = hv_page_alloc();
    if (!*last) {
        page_put_use(mfn(gfn));
        return -XEN_ENOMEM;
    }
    f->array[n] = mfn_ptr(mfn(gfn));
    __atomic_store_n(&f->words, f->words + (uint32_t)WORDS_PER_FRAME, __ATOMIC_RELEASE);
    raise_again(d, f, n * (uint32_t)WORDS_PER_FRAME);
    return 0;
}

int evt_expand_array(struct domain *d, uint64_t gfn)
{
    lock_take(&d->evt.lock);
    int rc = -XEN_EOPNOTSUPP;
    if (d->evt.fifo)
        rc = d->evt.closing ? -XEN_EINVAL : expand(d, d->evt.fifo, gfn);
    lock_drop(&d->evt.lock);
    return rc;
}

static void free_all(struct evt_fifo *f)
{
    for (uint32_t i = 0; i < f->words / WORDS_PER_FRAME; i++)
        page_put_use(ptr_mfn(f->array[i]));
    for (uint32_t i = 0; i < ARRAY_SIZE(f->last); i++)
        hv_page_free(f->last[i]);
    hv_page_free(f);
}

void evt_fifo_end(struct domain *d)
{
    lock_take(&d->evt.lock);
    struct evt_fifo *f = d->evt.fifo;
    __atomic_store_n(&d->evt.fifo, NULL, __ATOMIC_SEQ_CST);
    /* Each lock once: whoever had found it set is out now (F2). */
    for_each_vcpu (v, d) {
        lock_take(&v->evt.fifo_lock);
        struct evtchn_fifo_control_block *control = v->evt.control;
        v->evt.control = NULL;
        lock_drop(&v->evt.fifo_lock);
        if (control)
            page_put_use(ptr_mfn(control));
    }
    if (f)
        free_all(f);
    lock_drop(&d->evt.lock);
}
