/* Channels between guests: meeting in xenstore, waiting for the other end, closing. */
#include <gk/chan.h>
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/gnt.h>
#include <gk/mem.h>
#include <gk/suspend.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/xenbus.h>
#include "chan/ring.h"
#include "libc/string.h"
#include "thread/turn.h"

#define LEFT_ORDER  10 /* client writes */
#define RIGHT_ORDER 11 /* server writes */
#define NAME_MAX    64
#define PATH_MAX    96

struct gk_chan {
    struct vchan_interface *page;
    struct chan_ring in, out;
    bool server, lost;
    uint32_t port;
    gk_gref ref;     /* the server's */
    uint32_t handle; /* the client's */
    struct gk_waitq waiting;
    struct gk_suspend_hook hook;
    char path[PATH_MAX]; /* what the server wrote */
};

/* What of the other end's doing we want to be told of: it clears the bit when it tells us. */
static uint8_t *our_wishes(struct gk_chan *c)
{
    return c->server ? &c->page->cli_notify : &c->page->srv_notify;
}

static uint8_t *their_wishes(struct gk_chan *c)
{
    return c->server ? &c->page->srv_notify : &c->page->cli_notify;
}

static uint8_t *our_life(struct gk_chan *c)
{
    return c->server ? &c->page->srv_live : &c->page->cli_live;
}

static bool peer_gone(struct gk_chan *c)
{
    return !__atomic_load_n(c->server ? &c->page->cli_live : &c->page->srv_live, __ATOMIC_ACQUIRE);
}

static void tell(struct gk_chan *c, uint8_t what)
{
    if (__atomic_fetch_and(their_wishes(c), (uint8_t)~what, __ATOMIC_SEQ_CST) & what)
        gk_evt_send(c->port);
}

static void on_event(uint32_t port, void *chan)
{
    (void)port;
    gk_waitq_wake_all(&((struct gk_chan *)chan)->waiting);
}

/* Lets go of port and mapping; what is left is a chan that answers -XEN_ENOTCONN. */
static void cut(struct gk_chan *c)
{
    if (c->lost)
        return;
    c->lost = true;
    gk_evt_close(c->port);
    if (!c->server)
        gk_gnt_unmap(c->page, &c->handle, 1);
    gk_waitq_wake_all(&c->waiting);
}

static void on_suspend(void *chan)
{
    cut(chan);
}

static void hook_up(struct gk_chan *c)
{
    c->hook = (struct gk_suspend_hook){.suspend = on_suspend, .argument = c};
    gk_suspend_register(&c->hook);
}

/* Reference, port and right to read appear at once or not at all. */
static int announce(struct gk_chan *c, uint16_t client)
{
    char node[PATH_MAX + 16];
    gk_xs_tx tx;
    int rc;

    do {
        rc = gk_xs_begin(&tx);
        if (rc)
            return rc;
        for (unsigned int i = 0; i < 2 && !rc; i++) {
            gk_snprintf(node, sizeof(node), "%s/%s", c->path, i ? "event-channel" : "ring-ref");
            rc = gk_xs_printf(tx, node, "%u", i ? c->port : c->ref);
            if (!rc)
                rc = gk_xs_share(tx, node, client);
        }
        int end = gk_xs_end(tx, !rc);
        rc = rc ? rc : end;
    } while (rc == -XEN_EAGAIN);
    return rc;
}

static int page_init(struct gk_chan *c)
{
    c->page = gk_page_zalloc(1);
    if (!c->page)
        return -XEN_ENOMEM;
    struct vchan_interface *p = c->page;
    p->left_order = LEFT_ORDER;
    p->right_order = RIGHT_ORDER;
    p->cli_live = 2;
    p->srv_live = 1;
    p->cli_notify = VCHAN_NOTIFY_WRITE;
    p->srv_notify = VCHAN_NOTIFY_WRITE;
    chan_ring_place(&c->in, p, &p->left, LEFT_ORDER, 0);
    chan_ring_place(&c->out, p, &p->right, RIGHT_ORDER, 0);
    return 0;
}

static int offer(struct gk_chan *c, uint16_t client)
{
    int rc = page_init(c);

    if (rc)
        return rc;
    rc = gk_gnt_allow(client, c->page, false, &c->ref);
    if (rc) {
        gk_page_free(c->page);
        return rc;
    }
    int port = gk_evt_alloc(client, on_event, c);
    rc = port;
    if (port > 0) {
        c->port = (uint32_t)port;
        rc = announce(c, client);
        if (rc)
            gk_evt_close(c->port);
    }
    if (rc < 0)
        gk_gnt_end_later(c->ref, c->page);
    return rc;
}

static bool name_fits(const char *name)
{
    size_t length = strlen(name);

    return length && length <= NAME_MAX && !strchr(name, '/');
}

int gk_chan_serve(uint16_t client, const char *name, struct gk_chan **chan)
{
    KIT_TURN;
    if (!name_fits(name))
        return -XEN_EINVAL;
    struct gk_chan *c = gk_zalloc(sizeof(*c));

    if (!c)
        return -XEN_ENOMEM;
    c->server = true;
    gk_snprintf(c->path, sizeof(c->path), "data/vchan/%u/%s", client, name);
    int rc = offer(c, client);
    if (rc) {
        gk_free(c);
        return rc;
    }
    hook_up(c);
    *chan = c;
    return 0;
}

/* Looked for again and again: what we may not read yet sends us no watch event. */
static int offer_find(uint16_t server, const char *name, uint64_t deadline, uint64_t *ref,
                      uint64_t *port)
{
    char node[PATH_MAX + 32];
    uint64_t self;
    int rc = gk_xs_read_u64(GK_XS_NONE, "domid", &self);

    while (!rc) {
        gk_snprintf(node, sizeof(node), "/local/domain/%u/data/vchan/%lu/%s/ring-ref", server, self,
                    name);
        int found = gk_xs_read_u64(GK_XS_NONE, node, ref);
        if (!found) {
            gk_snprintf(node, sizeof(node), "/local/domain/%u/data/vchan/%lu/%s/event-channel",
                        server, self, name);
            return gk_xs_read_u64(GK_XS_NONE, node, port);
        }
        if (gk_time_mono() >= deadline)
            return -XEN_ENOENT;
        gk_sleep(50 * GK_MS);
    }
    return rc;
}

/* The orders are read once; the rings must be the two that fit into the page, not the same one. */
static bool page_read(struct gk_chan *c)
{
    struct vchan_interface *p = c->page;
    uint16_t left = __atomic_load_n(&p->left_order, __ATOMIC_RELAXED);
    uint16_t right = __atomic_load_n(&p->right_order, __ATOMIC_RELAXED);

    return left != right && chan_ring_place(&c->out, p, &p->left, left, p->left.prod) &&
           chan_ring_place(&c->in, p, &p->right, right, p->right.cons);
}

static int join(struct gk_chan *c, uint16_t server, const char *name, uint64_t deadline)
{
    uint64_t ref, remote;
    void *page;
    int rc = offer_find(server, name, deadline, &ref, &remote);

    if (rc)
        return rc;
    gk_gref gref = (gk_gref)ref;
    rc = gk_gnt_map(server, &gref, 1, false, &page, &c->handle);
    if (rc)
        return rc;
    c->page = page;
    int port = page_read(c) ? gk_evt_bind(server, (uint32_t)remote, on_event, c) : -XEN_EIO;
    if (port < 0) {
        gk_gnt_unmap(page, &c->handle, 1);
        return port;
    }
    c->port = (uint32_t)port;
    return 0;
}

int gk_chan_connect(uint16_t server, const char *name, uint64_t deadline, struct gk_chan **chan)
{
    KIT_TURN;
    if (!name_fits(name))
        return -XEN_EINVAL;
    struct gk_chan *c = gk_zalloc(sizeof(*c));

    if (!c)
        return -XEN_ENOMEM;
    int rc = join(c, server, name, deadline);
    if (rc) {
        gk_free(c);
        return rc;
    }
    hook_up(c);
    __atomic_store_n(our_life(c), 1, __ATOMIC_RELEASE);
    gk_evt_send(c->port);
    *chan = c;
    return 0;
}

/*
 * Waits until the ring can go on, or never will. The wish is made known first and the ring looked
 * at after, so what the other end does in between is seen or told.
 */
static int ready(struct gk_chan *c, uint8_t wish, uint64_t deadline)
{
    for (;;) {
        if (c->lost)
            return -XEN_ENOTCONN;
        __atomic_fetch_or(our_wishes(c), wish, __ATOMIC_SEQ_CST);
        bool gone = peer_gone(c);
        if (wish == VCHAN_NOTIFY_WRITE ? chan_ring_can_get(&c->in)
                                       : chan_ring_can_put(&c->out) && !gone)
            return 0;
        if (gone)
            return -XEN_ENOTCONN;
        if (!gk_waitq_wait(&c->waiting, deadline))
            return -XEN_ETIMEDOUT;
    }
}

long gk_chan_read(struct gk_chan *c, void *bytes, size_t size, uint64_t deadline)
{
    KIT_TURN;
    long n = c->lost ? 0 : chan_ring_get(&c->in, bytes, size);

    if (!n && size) {
        int rc = ready(c, VCHAN_NOTIFY_WRITE, deadline);
        if (rc)
            return rc == -XEN_ENOTCONN && !c->lost ? 0 : rc;
        n = chan_ring_get(&c->in, bytes, size);
    }
    if (n < 0)
        return -XEN_EIO;
    if (n)
        tell(c, VCHAN_NOTIFY_READ);
    return n;
}

long gk_chan_write(struct gk_chan *c, const void *bytes, size_t size, uint64_t deadline)
{
    KIT_TURN;
    size_t done = 0;
    int rc = 0;

    while (done < size && !rc) {
        long n = c->lost || peer_gone(c)
                     ? 0
                     : chan_ring_put(&c->out, (const uint8_t *)bytes + done, size - done);
        if (n > 0) {
            done += (size_t)n;
            tell(c, VCHAN_NOTIFY_WRITE);
        } else {
            rc = n < 0 ? -XEN_EIO : ready(c, VCHAN_NOTIFY_READ, deadline);
        }
    }
    return done || !rc ? (long)done : rc;
}

void gk_chan_close(struct gk_chan *c)
{
    KIT_TURN;
    gk_suspend_unregister(&c->hook);
    if (!c->lost) {
        __atomic_store_n(our_life(c), 0, __ATOMIC_RELEASE);
        gk_evt_send(c->port);
    }
    cut(c);
    if (c->server) {
        gk_xs_rm(GK_XS_NONE, c->path);
        gk_gnt_end_later(c->ref, c->page);
    }
    gk_free(c);
}
