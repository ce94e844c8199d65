/*
 * Guests' rings. The page is the guest's to write at any time: each index is read once, checked,
 * and only then used; positions are ours alone and never read back from the page.
 *
 *   R1  a request counts as taken when the frame with its effects and its rec_consumed() counts;
 *       only then is req_cons moved past it
 *   R2  a request longer than the ring is moved to the slot in pieces: first the bytes, then
 *       in_len, then req_cons; so req_cons is always in_base + in_len, or about to be
 *   R3  output: first the bytes, then out_sent in the slot, then rsp_prod
 *
 *   R4  Linux signals requests only if all before them had been taken, and that it has read replies
 *       only if the ring was full: so we leave no byte in req when we stop looking, rsp is full or
 *       has all there is, and each index is read again after ours was published
 *
 * Hence after a kill anywhere, setting req_cons and rsp_prod from journal and slot is right.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "dkit/log.h"
#include "io/daemon.h"
#include "io/state.h"
#include "io/step.h"
#include "io/xen.h"
#include "store/mem.h"
#include "wire/host.h"

#define RING      XENSTORE_RING_SIZE
#define TURN      32 /* requests before others have their turn */
#define PORTS_MAX 65536u

struct ring {
    struct conn *conn;
    struct xenstore_domain_interface *page;
    struct ring_slot *slot;
    struct list waiting; /* in `again` */
    int port;            /* our end */
    bool tell;           /* the guest is to be notified */
};

static struct source events;
static struct ring *by_port[PORTS_MAX];
static int dom_exc_port = -1;
static struct list again = LIST_INIT(again);

/* --- mapping --------------------------------------------------------------------------------- */

bool host_dom_alive(unsigned id)
{
    if (d.no_domains)
        return true;
    enum xen_dom_state s = xen_dom_state(id);
    return s == XEN_DOM_ALIVE || s == XEN_DOM_SHUTDOWN;
}

static int map_page(struct ring *r)
{
    const struct conn *c = r->conn;
    void *page;
    uint32_t port = c->ring_port;
    int rc =
        c->dom->id ? xen_ring_map(c->dom->id, c->ring_gfn, &page) : xen_dom0_ring(&page, &port);
    if (rc)
        return rc;
    r->page = page;
    rc = xen_event_bind(c->dom->id, port);
    if (rc >= 0 && (uint32_t)rc < PORTS_MAX) {
        r->port = rc;
        return 0;
    }
    if (c->dom->id)
        xen_ring_unmap(c->dom->id, page);
    return rc < 0 ? rc : -ERANGE;
}

static void begin_fresh(struct ring *r)
{
    struct conn *c = r->conn;
    c->in_pos = *(volatile uint32_t *)&r->page->req_cons;
    c->out.sent = *(volatile uint32_t *)&r->page->rsp_prod;
    r->slot->in_base = c->in_pos;
    r->slot->in_len = 0;
    r->slot->out_sent = c->out.sent;
    store_order();
    r->slot->used = c->dom->life + 1;
    /* Dom0's kernel takes the first signal for "the store is there", and starts its xenbus by it.
     */
    r->tell = true;
}

/* Take over from a daemon that was killed, or that never sent anything. */
static void begin_again(struct ring *r)
{
    struct conn *c = r->conn;
    struct ring_slot *s = r->slot;
    if (s->used != c->dom->life + 1 || s->out_sent < c->out.sent ||
        s->out_sent > outq_end(&c->out)) {
        log_line("domain %u: no ring positions were kept", c->dom->id);
        begin_fresh(r);
        return;
    }
    conn_sent(&d.xs, c, s->out_sent - c->out.sent);
    if (s->in_base != c->in_pos || s->in_len > sizeof(s->in)) {
        s->in_len = 0; /* killed after this request's frame (R1): the bytes are done with */
        store_order();
        s->in_base = c->in_pos;
    }
    r->page->req_cons = (uint32_t)(c->in_pos + s->in_len);
    r->page->rsp_prod = (uint32_t)s->out_sent;
    r->tell = true;
}

int host_ring_open(struct conn *c, bool fresh)
{
    if (d.no_domains)
        return -ENODEV;
    struct ring *r = mem_get(sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->conn = c;
    list_init(&r->waiting);
    r->slot = state_slot(c->dom->id);
    int rc = r->slot ? map_page(r) : -ENOSPC;
    if (rc) {
        mem_put(r);
        return rc;
    }
    by_port[r->port] = r;
    c->io = r;
    if (fresh)
        begin_fresh(r);
    else
        begin_again(r);
    r->page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
    r->page->error = XENSTORE_ERROR_NONE;
    list_push_back(&again, &r->waiting); /* there may be requests already */
    return 0;
}

void host_ring_close(struct conn *c)
{
    struct ring *r = c->io;
    if (!r)
        return;
    c->io = NULL;
    list_remove(&r->waiting);
    xen_event_unbind((uint32_t)r->port);
    by_port[r->port] = NULL;
    if (c->dom->id)
        xen_ring_unmap(c->dom->id, r->page);
    mem_put(r);
}

/* --- moving bytes ---------------------------------------------------------------------------- */

static void ring_error(struct ring *r, uint32_t error, const char *why)
{
    log_line("domain %u: %s: its connection stops", r->conn->dom->id, why);
    r->conn->broken = true;
    r->page->error = error;
    r->tell = true;
}

static uint32_t load_index(const uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/*
 * Show our index to the guest, and only then look at its own again: the guest does the same the
 * other way round, so one of us sees what the other did (R4).
 */
static void publish(uint32_t *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void copy_in(const struct ring *r, uint64_t pos, char *to, size_t len)
{
    size_t at = (size_t)pos % RING;
    size_t first = len < RING - at ? len : RING - at;
    memcpy(to, r->page->req + at, first);
    memcpy(to + first, r->page->req, len - first);
    store_order();
}

/* Carry out the request of `size` bytes at in_pos, of which we have a private copy. */
static void carry_out(struct ring *r, const struct xsd_sockmsg *hdr, const char *payload)
{
    struct conn *c = r->conn;
    step();
    wire_request(&d.xs, c, hdr, payload);
    c->in_pos += sizeof(*hdr) + hdr->len;
    rec_consumed(&d.xs, c, c->in_pos);
    state_commit(&d.xs);
    step();
    r->slot->in_len = 0;
    store_order();
    r->slot->in_base = c->in_pos;
    store_order();
    step();
    publish(&r->page->req_cons, (uint32_t)c->in_pos);
    r->tell = true;
    step();
}

/* Move what is there of a request to the slot, up to its first `want` bytes. */
static void gather(struct ring *r, uint32_t avail, size_t want)
{
    struct ring_slot *s = r->slot;
    size_t n = want - s->in_len;
    if (n > avail)
        n = avail;
    copy_in(r, s->in_base + s->in_len, s->in + s->in_len, n);
    step();
    s->in_len += (uint32_t)n;
    store_order();
    step();
    publish(&r->page->req_cons, (uint32_t)(s->in_base + s->in_len));
    r->tell = true;
    step();
}

static bool length_ok(struct ring *r, const struct xsd_sockmsg *hdr)
{
    if (hdr->len <= XENSTORE_PAYLOAD_MAX)
        return true;
    ring_error(r, XENSTORE_ERROR_PROTO, "message longer than the protocol allows");
    return false;
}

/*
 * One request, if there is a whole one. What there is of an incomplete one is taken all the same: a
 * guest signals only what it adds to an empty ring (R4).
 */
static bool serve_one(struct ring *r)
{
    struct conn *c = r->conn;
    struct ring_slot *s = r->slot;
    struct xsd_sockmsg hdr;
    char payload[XENSTORE_PAYLOAD_MAX];
    for (;;) {
        uint32_t avail = load_index(&r->page->req_prod) - (uint32_t)(c->in_pos + s->in_len);
        if (avail > RING) {
            ring_error(r, XENSTORE_ERROR_RINGIDX, "bad index of requests");
            return false;
        }
        if (!s->in_len && avail >= sizeof(hdr)) {
            copy_in(r, c->in_pos, (char *)&hdr, sizeof(hdr));
            if (!length_ok(r, &hdr))
                return false;
            if (avail >= sizeof(hdr) + hdr.len) {
                copy_in(r, c->in_pos + sizeof(hdr), payload, hdr.len);
                break;
            }
        }
        size_t want = sizeof(hdr);
        if (s->in_len >= sizeof(hdr)) {
            memcpy(&hdr, s->in, sizeof(hdr));
            if (!length_ok(r, &hdr))
                return false;
            want += hdr.len;
        }
        if (s->in_len >= sizeof(hdr) && s->in_len == want) {
            memcpy(payload, s->in + sizeof(hdr), hdr.len);
            break;
        }
        if (!avail)
            return false;
        gather(r, avail, want);
    }
    carry_out(r, &hdr, payload);
    return true;
}

/* Move output to the ring as far as it has room. False: it is full, or bad. */
static bool push(struct ring *r)
{
    struct conn *c = r->conn;
    uint32_t used = (uint32_t)c->out.sent - load_index(&r->page->rsp_cons);
    if (used > RING) {
        ring_error(r, XENSTORE_ERROR_RINGIDX, "bad index of replies");
        return false;
    }
    size_t n = RING - used;
    if (!n)
        return false;
    if (n > c->out.len)
        n = c->out.len;
    size_t at = (size_t)c->out.sent % RING;
    size_t first = n < RING - at ? n : RING - at;
    /* Events may have been queued outside of a request: they must count before they go. */
    state_commit(&d.xs);
    memcpy(r->page->rsp + at, outq_data(&c->out), first);
    memcpy(r->page->rsp, outq_data(&c->out) + first, n - first);
    store_order();
    step();
    r->slot->out_sent = c->out.sent + n;
    store_order();
    step();
    publish(&r->page->rsp_prod, (uint32_t)(c->out.sent + n));
    conn_sent(&d.xs, c, n);
    state_commit(&d.xs);
    r->tell = true;
    step();
    return true;
}

void ring_flush(struct conn *c)
{
    struct ring *r = c->io;
    list_remove(&c->dirty);
    if (!r)
        return;
    while (c->out.len && !c->broken && push(r))
        ;
    if (r->tell) {
        r->tell = false;
        xen_event_notify((uint32_t)r->port);
    }
}

/* The guest asks for a ring as new: drop what belongs to the old connection. */
static void reconnect(struct ring *r)
{
    struct conn *c = r->conn;
    conn_reset(&d.xs, c);
    rec_reset_watches(&d.xs, c);
    dom_charge(c->dom, -(int64_t)c->out.len);
    outq_free(&c->out);
    c->replies = 0;
    c->broken = false;
    r->page->req_cons = r->page->req_prod = r->page->rsp_cons = r->page->rsp_prod = 0;
    c->in_pos = 0;
    c->out.sent = 0;
    r->slot->used = 0;
    store_order();
    r->slot->in_base = r->slot->in_len = 0;
    r->slot->out_sent = 0;
    rec_ring(&d.xs, c);
    state_commit(&d.xs);
    store_order();
    r->slot->used = c->dom->life + 1;
    r->page->error = XENSTORE_ERROR_NONE;
    store_order();
    r->page->connection = XENSTORE_CONNECTED;
    r->tell = true;
}

/* The ring's turn: requests, then output. */
static void serve(struct ring *r)
{
    struct conn *c = r->conn;
    if (load_index(&r->page->connection) == XENSTORE_RECONNECT)
        reconnect(r);
    for (int n = 0; n < TURN; n++) {
        if (c->out.len)
            ring_flush(c);
        if (!conn_may_request(&d.xs, c) || !serve_one(r)) {
            ring_flush(c);
            return;
        }
        if (c->io != r)
            return; /* the request ended its own connection */
    }
    ring_flush(c);
    if (list_empty(&r->waiting))
        list_push_back(&again, &r->waiting);
}

bool ring_turn(void)
{
    struct list mine = LIST_INIT(mine);
    struct list *link;
    while ((link = list_pop_front(&again)))
        list_push_back(&mine, link);
    while ((link = list_pop_front(&mine)))
        serve(list_entry(link, struct ring, waiting));
    return !list_empty(&again);
}

/* --- events and dying domains ---------------------------------------------------------------- */

static void check_domains(void)
{
    bool tell = false;
    list_for_each_safe (it, &d.xs.st.doms.all) {
        struct dom *dom = list_entry(it, struct dom, all);
        if (!dom->id)
            continue;
        enum xen_dom_state s = xen_dom_state(dom->id);
        if (s == XEN_DOM_SHUTDOWN && dom->introduced && !dom->shutdown) {
            dom->shutdown = true;
            rec_dom(&d.xs, dom);
            tell = true;
        } else if (s == XEN_DOM_NONE || s == XEN_DOM_DYING) {
            tell |= dom->introduced;
            domain_gone(&d.xs, dom);
        }
    }
    if (tell)
        event_fire_special(&d.xs, SPECIAL_RELEASE);
    state_commit(&d.xs);
}

static void events_ready(struct source *s, uint32_t what)
{
    (void)s;
    (void)what;
    uint32_t ports[64];
    int n = xen_events(ports, ARRAY_SIZE(ports));
    if (n <= 0)
        return;
    turn_later();
    /* Unmask first: a signal that comes while we look is then not lost. */
    xen_event_unmask(ports, (size_t)n);
    for (int i = 0; i < n; i++) {
        if ((int)ports[i] == dom_exc_port) {
            check_domains();
            continue;
        }
        struct ring *r = ports[i] < PORTS_MAX ? by_port[ports[i]] : NULL;
        if (r && list_empty(&r->waiting))
            list_push_back(&again, &r->waiting);
    }
}

void ring_restore(void)
{
    list_for_each_safe (it, &d.xs.conns) {
        struct conn *c = list_entry(it, struct conn, all);
        if (!c->ring)
            continue;
        int rc = host_ring_open(c, false);
        if (rc && host_dom_alive(c->dom->id)) {
            log_line("domain %u: its ring cannot be mapped again: %s", c->dom->id, strerror(-rc));
            c->broken = true;
        }
    }
}

void ring_catch_up(void)
{
    if (!d.no_domains)
        check_domains();
}

int ring_start(const char **what)
{
    *what = "VIRQ_DOM_EXC";
    dom_exc_port = xen_event_bind_dom_exc();
    if (dom_exc_port < 0)
        return dom_exc_port;
    struct dom *dom0 = dom_find(&d.xs.st.doms, 0);
    *what = "domain 0's ring (/proc/xen/xsd_kva, xsd_port)";
    int rc = dom0->ring ? 0 : domain_introduce(&d.xs, dom0, 0, 0);
    if (rc)
        return rc;
    events = (struct source){.ready = events_ready, .fd = xen_event_fd()};
    *what = "event channels";
    return loop_add(&events, EPOLLIN);
}
