/*
 * A device's rings (see queue.h).
 *
 *   Q1  an entry of the state file is busy exactly while its request is in `job`s hands
 *   Q2  a turn takes from all rings, starts the disk once, then shows and notifies once for each
 *   Q3  a ring's channel stays masked while it is awake; it sleeps only when ring_sleep() says that
 *       nothing waits
 *   Q4  while a barrier is held, nothing is taken from any ring; it runs alone
 */
#include "blkd/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkd/pages.h"
#include "blkd/step.h"
#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/log.h"
#include "dkit/loop.h"

/* Room for one request under way; touched when used, and the last that was used is used first. */
struct work {
    struct queue *queue;
    uint16_t entry;
    uint8_t phase; /* of a flush or barrier with data: flush, write, flush */
    bool started;
    struct disk_io io;
    struct buffer buffer;
    struct req req;
};

struct queue {
    struct ring ring;
    struct evt evt;
    struct state_queue *state;
    struct work *work; /* one for each entry */
    uint16_t *spare;   /* entries that are not busy; the last is used first */
    unsigned nr_spare, pages;
    bool awake, answered;
};

static struct queue queue[STATE_QUEUES];
static unsigned nr_queues, in_work;
static unsigned dom;
static struct req_limits limits;
static struct state_counters *count;
static struct work *barrier; /* waits until it is alone, then runs */
static bool stopping, broken, in_turn;
static void (*when_idle)(void);
static struct job turn;
static struct log_limit complaints;

void (*queues_broken)(const char *what);

/* --- answering ------------------------------------------------------------------------------- */

static void count_request(const struct req *q)
{
    switch (q->kind) {
    case REQ_READ:
        count->rd_req++;
        count->rd_sect += q->bytes / REQ_SECTOR;
        break;
    case REQ_WRITE:
    case REQ_BARRIER:
        count->wr_req++;
        count->wr_sect += q->bytes / REQ_SECTOR;
        break;
    case REQ_FLUSH:
        count->f_req++;
        break;
    case REQ_DISCARD:
        count->ds_req++;
        break;
    }
}

static void answer(struct work *w, int status)
{
    struct queue *q = w->queue;
    struct blkif_response r;
    memset(&r, 0, sizeof r); /* padding too goes to the guest */
    r.id = w->req.id;
    r.operation = w->req.op;
    r.status = (int16_t)status;
    if (status == BLKIF_RSP_ERROR)
        count->errors++;
    step();
    ring_answer(&q->ring, &r, sizeof r);
    store_order();
    step();
    q->state->entry[w->entry].busy = 0;
    store_order();
    step();
    q->spare[q->nr_spare++] = w->entry;
    q->answered = true;
    in_work--;
    if (barrier == w)
        barrier = NULL;
    if (!in_turn) /* a turn shows it anyway */
        job_later(&turn);
}

static int status_of(int error)
{
    return error == 0             ? BLKIF_RSP_OKAY
           : error == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP
                                  : BLKIF_RSP_ERROR;
}

/* --- carrying out ---------------------------------------------------------------------------- */

static void disk_done(struct disk_io *io, int error);

static void to_disk(struct work *w, enum req_kind kind)
{
    w->io = (struct disk_io){.kind = kind,
                             .offset = w->req.offset,
                             .bytes = w->req.bytes,
                             .data = w->buffer.data,
                             .lent = w->buffer.lent,
                             .done = disk_done};
    disk_submit(&w->io);
    if (!in_turn) /* which starts it anyway */
        job_later(&turn);
}

/* What comes next of a request that is a flush, a write and a flush; false: nothing. */
static bool next_phase(struct work *w)
{
    if (w->req.kind != REQ_BARRIER && w->req.kind != REQ_FLUSH)
        return false;
    if (w->req.nr_segs == 0 || ++w->phase > 2)
        return false;
    to_disk(w, w->phase == 1 ? REQ_WRITE : REQ_FLUSH);
    return true;
}

static void disk_done(struct disk_io *io, int error)
{
    struct work *w = CONTAINER_OF(io, struct work, io);
    if (!error && next_phase(w))
        return;
    if (!error && w->req.kind == REQ_READ)
        error = pages_deliver(&w->buffer, &w->req);
    if (error && error != -EOPNOTSUPP)
        log_guest(&complaints, "domain %u: request %u at byte %llu failed: %s", dom, w->req.op,
                  (unsigned long long)w->req.offset, strerror(-error));
    if (!error)
        count_request(&w->req);
    pages_put(&w->buffer, &w->req);
    answer(w, status_of(error));
}

static void run(struct work *w)
{
    const struct req *q = &w->req;
    w->started = true;
    int rc = pages_get(&w->buffer, q, q->kind != REQ_READ);
    if (rc) {
        log_guest(&complaints, "domain %u: a request's pages cannot be reached: %s", dom,
                  strerror(-rc));
        answer(w, BLKIF_RSP_ERROR);
        return;
    }
    to_disk(w, q->kind == REQ_BARRIER ? REQ_FLUSH : q->kind);
}

static int decode(struct work *w, const struct blkif_request *from)
{
    int status = req_decode(&w->req, from, &limits);
    if (status || !w->req.todo)
        return status;
    struct blkif_request_segment seg[REQ_SEGMENTS];
    if (pages_read(w->req.page_ref, seg, (uint16_t)(w->req.todo * sizeof seg[0])))
        return BLKIF_RSP_ERROR;
    return req_indirect(&w->req, seg, &limits);
}

/* The request of an entry, which is private memory by now. */
static void begin(struct queue *q, uint16_t entry)
{
    struct work *w = &q->work[entry];
    w->queue = q;
    w->entry = entry;
    w->phase = 0;
    w->started = false;
    in_work++;
    w->buffer.data = NULL;
    int status = decode(w, &q->state->entry[entry].req);
    if (status) {
        log_guest(&complaints, "domain %u: request %u refused (status %d)", dom, w->req.op, status);
        answer(w, status);
        return;
    }
    if (w->req.kind == REQ_BARRIER)
        barrier = w; /* until the turn's end, when it may be alone already */
    else
        run(w);
}

/* --- taking ---------------------------------------------------------------------------------- */

static bool may_take(void)
{
    return !barrier && !stopping && !broken && !pages_short();
}

static void give_up(const char *what)
{
    if (broken)
        return;
    broken = true;
    log_line("domain %u: %s: its disk stops", dom, what);
    if (queues_broken)
        queues_broken(what);
}

static void take(struct queue *q)
{
    int n = ring_waiting(&q->ring);
    if (n < 0) {
        give_up("its ring has an index that cannot be");
        return;
    }
    for (; n && may_take(); n--) {
        uint16_t entry = q->spare[--q->nr_spare];
        struct state_entry *e = &q->state->entry[entry];
        e->index = q->ring.cons;
        ring_take(&q->ring, &e->req, sizeof e->req);
        step();
        store_order();
        e->busy = 1;
        store_order();
        step();
        q->state->cons = q->ring.cons;
        store_order();
        step();
        begin(q, entry);
    }
}

static void show(struct queue *q)
{
    if (!q->answered)
        return;
    q->answered = false;
    step();
    if (ring_show(&q->ring))
        evt_notify(&q->evt);
    step();
}

static void sleep_or_go_on(struct queue *q)
{
    if (!q->awake || !may_take()) /* then something will end, and bring the next turn */
        return;
    if (ring_sleep(&q->ring)) {
        job_later(&turn);
        return;
    }
    q->awake = false;
    evt_unmask(&q->evt);
}

static void run_turn(struct job *j)
{
    (void)j;
    in_turn = true;
    for (unsigned i = 0; i < nr_queues && !broken; i++)
        if (queue[i].awake && may_take())
            take(&queue[i]);
    if (barrier && in_work == 1 && !barrier->started)
        run(barrier);
    disk_kick();
    in_turn = false;
    for (unsigned i = 0; i < nr_queues && !broken; i++) {
        show(&queue[i]);
        sleep_or_go_on(&queue[i]);
    }
    if (barrier && in_work == 1 && !barrier->started)
        job_later(&turn); /* the others were done at once */
    if (stopping && in_work == 0 && when_idle) {
        void (*call)(void) = when_idle;
        when_idle = NULL;
        call();
    }
}

static void raised(struct evt *e)
{
    struct queue *q = CONTAINER_OF(e, struct queue, evt);
    q->awake = true;
    job_later(&turn);
}

void queues_stop(void (*idle)(void))
{
    stopping = true;
    when_idle = idle;
    job_later(&turn);
}

/* --- beginning ------------------------------------------------------------------------------- */

static int open_ring(struct queue *q, unsigned n, const struct state_rings *rings,
                     struct state_file *file, bool resume)
{
    uint32_t refs[STATE_PAGES];
    unsigned pages = 1u << rings->order;
    memcpy(refs, rings->ref[n], sizeof refs);
    void *mapped = gnt_map(dom, refs, pages, true);
    if (!mapped)
        return errno ? -errno : -EFAULT;
    ring_init(&q->ring, mapped, pages * (uint32_t)PAGE_SIZE, sizeof(struct blkif_request));
    q->pages = pages;
    q->state = &file->queue[n];
    if (resume) {
        if (!state_recover(q->state, &q->ring))
            return -EILSEQ;
    } else {
        uint32_t at = __atomic_load_n(&q->ring.head->rsp_prod, __ATOMIC_RELAXED);
        q->ring.cons = q->ring.prod = q->ring.shown = at;
        q->state->cons = at;
        q->state->slots = q->ring.slots;
    }
    q->work = calloc(q->ring.slots, sizeof *q->work);
    q->spare = calloc(q->ring.slots, sizeof *q->spare);
    if (!q->work || !q->spare)
        return -ENOMEM;
    for (unsigned i = q->ring.slots; i-- > 0;)
        if (!q->state->entry[i].busy)
            q->spare[q->nr_spare++] = (uint16_t)i;
    q->evt.raised = raised;
    q->awake = true;
    return evt_bind(&q->evt, dom, rings->port[n]);
}

/* What the process before us had taken; and the guest is told, who may have missed it. */
static void go_on(struct queue *q)
{
    for (unsigned i = 0; i < q->ring.slots; i++)
        if (q->state->entry[i].busy)
            begin(q, (uint16_t)i);
    (void)!ring_show(&q->ring);
    evt_notify(&q->evt);
}

int queues_open(unsigned domid, const struct state_rings *rings, bool persistent,
                const struct disk_info *info, struct state_file *file, bool resume, char *why,
                size_t room)
{
    dom = domid;
    limits = info->limits;
    count = &file->count;
    stopping = broken = in_turn = false;
    barrier = NULL;
    in_work = nr_queues = 0;
    memset(queue, 0, sizeof queue);
    job_init(&turn, run_turn);
    if (resume && !state_fits(file, domid, rings)) {
        snprintf(why, room, "what the last process left does not belong to these rings");
        return -EILSEQ;
    }
    if (!resume)
        state_begin(file, domid, rings);
    int rc = pages_open(domid, persistent, rings->nr_queues);
    for (; !rc && nr_queues < rings->nr_queues; nr_queues++)
        rc = open_ring(&queue[nr_queues], nr_queues, rings, file, resume);
    if (rc) {
        snprintf(why, room, "ring %u cannot be used: %s", nr_queues ? nr_queues - 1 : 0,
                 strerror(-rc));
        return rc;
    }
    for (unsigned i = 0; i < nr_queues && resume; i++)
        go_on(&queue[i]);
    job_later(&turn);
    return 0;
}

void queues_close(void)
{
    for (unsigned i = 0; i < nr_queues; i++) {
        struct queue *q = &queue[i];
        evt_unbind(&q->evt);
        for (unsigned k = 0; k < q->ring.slots; k++)
            pages_put(&q->work[k].buffer, &q->work[k].req);
        free(q->work);
        free(q->spare);
        gnt_unmap(q->ring.head, q->pages);
    }
    nr_queues = 0;
    pages_close();
}

bool queues_audit(void)
{
    unsigned all = 0;
    for (unsigned i = 0; i < nr_queues; i++) {
        const struct queue *q = &queue[i];
        unsigned busy = 0;
        for (unsigned k = 0; k < q->ring.slots; k++)
            busy += q->state->entry[k].busy != 0;
        for (unsigned k = 0; k < q->nr_spare; k++)
            if (q->state->entry[q->spare[k]].busy)
                return false;
        if (busy + q->nr_spare != q->ring.slots || q->ring.cons - q->ring.prod != busy ||
            q->state->cons != q->ring.cons)
            return false;
        all += busy;
    }
    return all == in_work;
}
