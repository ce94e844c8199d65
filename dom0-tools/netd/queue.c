/*
 * An interface's queues (see queue.h).
 *
 *   Q1  a batch holds whole packets and at most GNT_COPY_MAX pieces: one copy for all of them, then
 *       each one's frame goes on, then all are answered at once
 *   Q2  a frame that the guest has no room for is held, and nothing more is read from the tap: what
 *       a guest does not take waits in the kernel's queue, and is dropped there
 *   Q3  a channel stays masked while a job of its queue is due
 *   Q4  requests taken beyond the kept `to` belong to the batch under way; a packet put off (rate,
 *       or not wholly there) is put back by setting cons
 */
#include "netd/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/log.h"
#include "dkit/loop.h"
#include "netd/pkt.h"

enum {
    HEADER = sizeof(struct virtio_net_hdr),
    HEADER_ROOM = 16,        /* before a frame, for HEADER */
    ROOM = 65536 + PKT_PAGE, /* a frame's place in the buffer */
    RX_FRAMES = 32,          /* of a batch */
    BUFFER_PAGES = GNT_BUFFER_PAGES,
    TURN_BATCHES = 8,  /* before others have a turn */
    RX_SLOTS_MAX = 17, /* what the largest frame takes: 16 pages and extra information */
    TX_SLOTS_MAX = PKT_SLOTS + PKT_EXTRAS,
};

struct frame {
    uint8_t *at; /* of ROOM bytes behind HEADER */
    uint32_t len;
    struct pkt_info info;
    struct virtio_net_hdr h;
};

struct queue {
    struct ring tx, rx;
    uint32_t tx_next, rx_next; /* responses kept, not yet shown */
    struct evt tx_evt, rx_evt; /* rx_evt unused: one channel for both */
    struct kept_ring *tx_kept, *rx_kept;
    struct source tap;
    bool tap_watched, starved, have_held;
    struct frame held;
    struct job tx_job, rx_job;
    bool tx_masked, rx_masked; /* Q3 */
};

static struct queue *queue;
static unsigned nr_queues, dom;
static struct queue_options options;
static struct timer rate_timer;
static bool broken;
static struct log_limit complaints;
/* One batch at a time is under way, so these serve all queues. */
static uint8_t *buffer;
static struct gnt_piece piece[GNT_COPY_MAX];

void (*queues_broken)(const char *what);

static void give_up(const char *what)
{
    if (broken)
        return;
    broken = true;
    queues_broken(what);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- from the guest --------------------------------------------------------------------------- */

struct tx_batch {
    struct pkt pkt[GNT_COPY_MAX];
    uint8_t *frame[GNT_COPY_MAX];
    bool failed[GNT_COPY_MAX];
    unsigned first_piece[GNT_COPY_MAX];
    unsigned n, nr_pieces;
};
static struct tx_batch tx;

/* Takes the next packet's slots. 1: it is in `p`; 0: none waits; -EPROTO: the device is done for.
 */
static int take_packet(struct queue *q, struct pkt *p)
{
    union pkt_slot slot[TX_SLOTS_MAX];
    const char *why = "the ring's index is impossible";
    uint32_t start = q->tx.cons;
    int waiting = ring_waiting(&q->tx);
    if (waiting == 0)
        return 0;
    unsigned n = waiting < 0 ? 0 : waiting < TX_SLOTS_MAX ? (unsigned)waiting : TX_SLOTS_MAX;
    for (unsigned i = 0; i < n; i++)
        ring_take(&q->tx, &slot[i], sizeof slot[i].req);
    if (waiting < 0 || pkt_gather(p, slot, n, &why)) {
        give_up(why);
        return -EPROTO;
    }
    q->tx.cons = start + p->nr_slots;
    return 1;
}

static void put_back(struct queue *q, const struct pkt *p)
{
    q->tx.cons -= p->nr_slots;
}

static void rate_over(struct timer *t)
{
    (void)t;
    for (unsigned i = 0; i < nr_queues; i++)
        job_later(&queue[i].tx_job);
}

static bool rate_allows(const struct pkt *p)
{
    uint64_t wait = rate_take(&options.rate, p->bytes, now_us());
    if (wait)
        timer_set(&rate_timer, (int64_t)(wait / 1000 + 1));
    return wait == 0;
}

/*
 * Where to put a packet: a piece that lies across two of our pages costs twice, as both have to be
 * found and named. A small one stays within a page; a large one begins so that its first whole
 * page, and with it those that follow, fills a page.
 */
static uint8_t *place_packet(const struct pkt *p, uint8_t *at)
{
    uintptr_t from = (uintptr_t)at + HEADER_ROOM, before = 0, page = PKT_PAGE;
    unsigned whole = 0;
    while (whole < p->nr_pieces && p->piece[whole].len != PKT_PAGE)
        before += p->piece[whole++].len;
    uintptr_t on = from % page;
    if (whole < p->nr_pieces)
        from += (2 * page - (from + before) % page) % page;
    else if (on + p->bytes > page)
        from += page - on;
    return at + (from - (uintptr_t)at);
}

static void add_to_batch(unsigned k, uint8_t *at)
{
    const struct pkt *p = &tx.pkt[k];
    tx.failed[k] = p->bad;
    tx.frame[k] = at;
    tx.first_piece[k] = tx.nr_pieces;
    for (unsigned i = 0; i < p->nr_pieces && !p->bad; i++) {
        piece[tx.nr_pieces++] = (struct gnt_piece){.local = at,
                                                   .ref = p->piece[i].gref,
                                                   .offset = p->piece[i].offset,
                                                   .len = p->piece[i].len};
        at += p->piece[i].len;
    }
}

/* Why a batch ended: no more packets for now, or (full) others may wait. */
enum batch_end { BATCH_EMPTY, BATCH_FULL, BATCH_RATE, BATCH_BROKEN };

static enum batch_end gather_batch(struct queue *q)
{
    uint8_t *at = buffer;
    tx.n = tx.nr_pieces = 0;
    while (tx.n < GNT_COPY_MAX) {
        struct pkt *p = &tx.pkt[tx.n];
        int rc = take_packet(q, p);
        if (rc <= 0)
            return rc ? BATCH_BROKEN : BATCH_EMPTY;
        if (tx.nr_pieces + p->nr_pieces > GNT_COPY_MAX) {
            put_back(q, p);
            return BATCH_FULL;
        }
        if (!p->bad && !rate_allows(p)) {
            put_back(q, p);
            return BATCH_RATE;
        }
        at = place_packet(p, at);
        if (tx.n && at + p->bytes > buffer + BUFFER_PAGES * PKT_PAGE) {
            put_back(q, p);
            return BATCH_FULL;
        }
        add_to_batch(tx.n++, at);
        at += p->bad ? 0 : align_up(p->bytes, 8);
    }
    return BATCH_FULL;
}

/* One bad grant must not cost the other packets: then each is copied by itself. */
static void copy_batch(void)
{
    if (!tx.nr_pieces || gnt_copy(dom, piece, tx.nr_pieces) == 0)
        return;
    for (unsigned k = 0; k < tx.n; k++)
        if (!tx.failed[k] && gnt_copy(dom, piece + tx.first_piece[k], tx.pkt[k].nr_pieces))
            tx.failed[k] = true;
}

static void send_frame(struct queue *q, const struct pkt *p, uint8_t *frame)
{
    struct virtio_net_hdr h;
    if (!pkt_to_tap(p, frame, &h) || !filter_passes(&options.filter, frame, p->bytes)) {
        log_guest(&complaints, "d%u: a frame that may not be sent was dropped", dom);
        return;
    }
    memcpy(frame - HEADER, &h, HEADER);
    /* What the kernel does not take is lost, as on a wire. */
    ssize_t n = write(q->tap.fd, frame - HEADER, HEADER + p->bytes);
    if (n < 0 && errno != EAGAIN && errno != EINVAL && errno != EIO)
        log_guest(&complaints, "d%u: the tap does not take a frame: %s", dom, strerror(errno));
}

static void keep_answers(struct queue *q, const struct pkt *p, bool failed)
{
    for (unsigned i = 0; i < p->nr_pieces; i++) {
        struct netif_tx_response rsp = {.id = p->id[i],
                                        .status = failed ? NETIF_RSP_ERROR : NETIF_RSP_OKAY};
        kept_add(q->tx_kept, &q->tx_next, &rsp, sizeof rsp);
        for (unsigned k = 0; i == 0 && k < p->nr_extras; k++) {
            struct netif_tx_response none = {.status = NETIF_RSP_NULL};
            kept_add(q->tx_kept, &q->tx_next, &none, sizeof none);
        }
    }
}

static void transmit(struct job *j)
{
    struct queue *q = list_entry(j, struct queue, tx_job);
    enum batch_end end = BATCH_FULL;
    bool notify = false;
    for (unsigned i = 0; i < TURN_BATCHES && end == BATCH_FULL && !broken; i++) {
        end = gather_batch(q);
        copy_batch();
        for (unsigned k = 0; k < tx.n; k++) {
            if (!tx.failed[k])
                send_frame(q, &tx.pkt[k], tx.frame[k]);
            keep_answers(q, &tx.pkt[k], tx.failed[k]);
        }
        notify |= kept_answer(q->tx_kept, q->tx_next, &q->tx, sizeof(struct netif_tx_response));
    }
    if (notify)
        evt_notify(&q->tx_evt);
    if (end == BATCH_BROKEN || end == BATCH_RATE)
        return;
    if (end == BATCH_FULL || ring_sleep(&q->tx)) {
        job_later(j);
        return;
    }
    if (q->tx_masked) {
        q->tx_masked = false;
        evt_unmask(&q->tx_evt);
    }
}

/* --- to the guest ----------------------------------------------------------------------------- */

struct rx_batch {
    struct frame frame[RX_FRAMES];
    unsigned first_piece[RX_FRAMES];
    uint16_t id[RX_FRAMES][RX_SLOTS_MAX];
    bool failed[RX_FRAMES];
    unsigned n, nr_pieces;
};
static struct rx_batch rx;

static void watch_tap(struct queue *q, bool on)
{
    if (q->tap_watched != on)
        loop_change(&q->tap, on ? EPOLLIN : 0);
    q->tap_watched = on;
}

/* The next frame for this guest, at `at`. False: none is there. */
static bool read_frame(struct queue *q, struct frame *f, uint8_t *at)
{
    for (unsigned tries = 0; tries < RX_FRAMES; tries++) {
        struct iovec iov[2] = {{&f->h, HEADER}, {at, ROOM}};
        ssize_t n = readv(q->tap.fd, iov, 2);
        if (n < HEADER) {
            if (n < 0 && errno != EAGAIN && errno != EINTR)
                log_guest(&complaints, "d%u: the tap cannot be read: %s", dom, strerror(errno));
            return false;
        }
        f->at = at;
        f->len = (uint32_t)n - HEADER;
        if (pkt_from_tap(&f->h, at, f->len, options.no_csum_v4, options.no_csum_v6, &f->info) &&
            (options.scatter || pkt_slots_for(&f->info, f->len) == 1))
            return true;
    }
    return false;
}

/* Takes the guest's slots for a frame; one of them is for extra information. */
static void place_frame(struct queue *q, unsigned k)
{
    struct frame *f = &rx.frame[k];
    unsigned slots = pkt_slots_for(&f->info, f->len);
    uint32_t done = 0;
    rx.first_piece[k] = rx.nr_pieces;
    rx.failed[k] = false;
    for (unsigned i = 0; i < slots; i++) {
        struct netif_rx_request r;
        ring_take(&q->rx, &r, sizeof r);
        rx.id[k][i] = r.id;
        if (i == 1 && f->info.gso_type != XEN_NETIF_GSO_TYPE_NONE)
            continue;
        uint32_t len = f->len - done < PKT_PAGE ? f->len - done : PKT_PAGE;
        piece[rx.nr_pieces++] = (struct gnt_piece){
            .local = f->at + done, .ref = r.gref, .len = (uint16_t)len, .to_guest = true};
        done += len;
    }
}

/* Fills a batch; false: the guest has no room for what is held (Q2). */
static bool fill_batch(struct queue *q, bool *more)
{
    uint8_t *at = buffer;
    rx.n = rx.nr_pieces = 0;
    *more = true;
    while (rx.n < RX_FRAMES && rx.nr_pieces + RX_SLOTS_MAX <= GNT_COPY_MAX) {
        struct frame *f = &rx.frame[rx.n];
        if (q->have_held) {
            uint8_t *place = at;
            memcpy(place, q->held.at, q->held.len);
            *f = q->held;
            f->at = place;
        } else if (!read_frame(q, f, at)) {
            *more = false;
            return true;
        }
        int waiting = ring_waiting(&q->rx);
        if (waiting < 0) {
            give_up("the ring's index is impossible");
            return true;
        }
        if ((unsigned)waiting < pkt_slots_for(&f->info, f->len)) {
            if (!q->have_held) {
                uint8_t *place = q->held.at;
                memcpy(place, f->at, f->len);
                q->held = *f;
                q->held.at = place;
                q->have_held = true;
            }
            return false;
        }
        q->have_held = false;
        place_frame(q, rx.n++);
        at += align_up(f->len, PKT_PAGE);
    }
    return true;
}

static void copy_frames(void)
{
    if (!rx.nr_pieces || gnt_copy(dom, piece, rx.nr_pieces) == 0)
        return;
    for (unsigned k = 0; k < rx.n; k++) {
        unsigned end = k + 1 < rx.n ? rx.first_piece[k + 1] : rx.nr_pieces;
        rx.failed[k] = gnt_copy(dom, piece + rx.first_piece[k], end - rx.first_piece[k]) != 0;
    }
}

static void keep_frame(struct queue *q, unsigned k)
{
    const struct frame *f = &rx.frame[k];
    bool extra = f->info.gso_type != XEN_NETIF_GSO_TYPE_NONE;
    unsigned slots = pkt_slots_for(&f->info, f->len);
    uint32_t done = 0;
    for (unsigned i = 0; i < slots; i++) {
        if (i == 1 && extra) {
            struct netif_extra_info e = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
            e.u.gso.type = f->info.gso_type;
            e.u.gso.size = f->info.gso_size;
            kept_add(q->rx_kept, &q->rx_next, &e, sizeof e);
            continue;
        }
        uint32_t len = f->len - done < PKT_PAGE ? f->len - done : PKT_PAGE;
        struct netif_rx_response r = {.id = rx.id[k][i], .status = (int16_t)len};
        done += len;
        if (i == 0)
            r.flags = (uint16_t)(f->info.flags | (extra ? NETRXF_extra_info : 0));
        if (done < f->len)
            r.flags |= NETRXF_more_data;
        if (rx.failed[k])
            r.status = NETIF_RSP_ERROR;
        kept_add(q->rx_kept, &q->rx_next, &r, sizeof r);
    }
}

static struct evt *rx_channel(struct queue *q)
{
    return q->rx_evt.port >= 0 ? &q->rx_evt : &q->tx_evt;
}

static void unmask_rx(struct queue *q)
{
    if (!q->rx_masked)
        return;
    q->rx_masked = false;
    evt_unmask(&q->rx_evt);
}

static void receive(struct job *j)
{
    struct queue *q = list_entry(j, struct queue, rx_job);
    bool room = true, more = true, notify = false;
    for (unsigned i = 0; i < TURN_BATCHES && room && more && !broken; i++) {
        room = fill_batch(q, &more);
        copy_frames();
        for (unsigned k = 0; k < rx.n; k++)
            keep_frame(q, k);
        notify |= kept_answer(q->rx_kept, q->rx_next, &q->rx, sizeof(struct netif_rx_response));
    }
    if (notify)
        evt_notify(rx_channel(q));
    if (broken) {
        watch_tap(q, false);
        return;
    }
    /* Starved: until the guest signals new room. */
    if (!room && ring_sleep(&q->rx) &&
        ring_waiting(&q->rx) >= (int)pkt_slots_for(&q->held.info, q->held.len))
        room = more = true;
    q->starved = !room;
    watch_tap(q, room && !more);
    unmask_rx(q);
    if (room && more)
        job_later(j);
}

static void tap_ready(struct source *s, uint32_t events)
{
    struct queue *q = list_entry(s, struct queue, tap);
    (void)events;
    /* It stays watched: the job comes before the loop looks again, and mostly reads all. */
    job_later(&q->rx_job);
}

/* --- the channels ----------------------------------------------------------------------------- */

static void tx_raised(struct evt *e)
{
    struct queue *q = list_entry(e, struct queue, tx_evt);
    q->tx_masked = true;
    job_later(&q->tx_job);
    if (q->starved && q->rx_evt.port < 0)
        job_later(&q->rx_job);
}

static void rx_raised(struct evt *e)
{
    struct queue *q = list_entry(e, struct queue, rx_evt);
    q->rx_masked = true;
    if (q->starved)
        job_later(&q->rx_job);
    else
        unmask_rx(q);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int map_ring(struct ring *r, uint32_t ref, uint32_t stride)
{
    void *page = gnt_map(dom, &ref, 1, true);
    if (!page)
        return errno ? -errno : -EIO;
    ring_init(r, page, PKT_PAGE, stride);
    return 0;
}

static int open_queue(struct queue *q, const struct kept_rings *rings, unsigned i,
                      const char **step)
{
    *step = "mapping a ring";
    int rc = map_ring(&q->tx, rings->tx_ref[i], sizeof(struct netif_tx_request));
    if (!rc)
        rc = map_ring(&q->rx, rings->rx_ref[i], sizeof(struct netif_rx_response));
    if (rc)
        return rc;
    *step = "the file of the process before this one";
    if (!kept_recover(q->tx_kept, &q->tx, sizeof(struct netif_tx_response)) ||
        !kept_recover(q->rx_kept, &q->rx, sizeof(struct netif_rx_response)))
        return -EINVAL;
    q->tx_next = q->tx.prod;
    q->rx_next = q->rx.prod;
    *step = "memory";
    q->held.at = malloc(ROOM);
    if (!q->held.at)
        return -ENOMEM;
    job_init(&q->tx_job, transmit);
    job_init(&q->rx_job, receive);
    *step = "the tap";
    rc = loop_add(&q->tap, 0);
    *step = "an event channel";
    q->tx_evt = (struct evt){.raised = tx_raised, .port = -1};
    q->rx_evt = (struct evt){.raised = rx_raised, .port = -1};
    if (!rc)
        rc = evt_bind(&q->tx_evt, dom, rings->tx_port[i]);
    if (!rc && rings->rx_port[i] != rings->tx_port[i])
        rc = evt_bind(&q->rx_evt, dom, rings->rx_port[i]);
    /* Of what a process before us answered, the guest may not have been told. */
    evt_notify(&q->tx_evt);
    evt_notify(&q->rx_evt);
    job_later(&q->tx_job);
    job_later(&q->rx_job);
    return rc;
}

int queues_reserve(void)
{
    buffer = gnt_buffer(BUFFER_PAGES);
    return buffer ? 0 : -ENOMEM;
}

int queues_open(unsigned domid, const struct kept_rings *rings, const struct queue_options *o,
                const int *tap, struct kept_file *file, bool resume, char *why, size_t room)
{
    const char *step = "memory";
    dom = domid;
    options = *o;
    nr_queues = rings->nr_queues;
    timer_init(&rate_timer, rate_over);
    queue = calloc(nr_queues, sizeof *queue);
    int rc = queue ? 0 : -ENOMEM;
    if (!resume) {
        kept_begin(file, domid, rings);
    } else if (!kept_fits(file, domid, rings)) {
        step = "the file of the process before this one";
        rc = -EINVAL;
    }
    for (unsigned i = 0; i < nr_queues && !rc; i++) {
        queue[i].tx_kept = &file->queue[i].tx;
        queue[i].rx_kept = &file->queue[i].rx;
        queue[i].tap = (struct source){.ready = tap_ready, .fd = tap[i]};
        rc = open_queue(&queue[i], rings, i, &step);
    }
    if (rc)
        snprintf(why, room, "%s: %s", step, strerror(-rc));
    return rc;
}
