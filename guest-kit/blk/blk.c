/*
 * The block front-end's data path: calls are cut into slots, slots go to the rings, responses come
 * back.
 *
 *   I1  a page of a slot in use belongs to that slot alone; it stays granted while the disk is open
 *   I2  a response counts only for a slot that was sent on that very ring
 */
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/time.h>
#include "blk/blk.h"
#include "libc/string.h"
#include "thread/turn.h"

#define SECTOR 512

static void waiting_add(struct gk_blk *d, struct blk_slot *s)
{
    s->state = SLOT_QUEUED;
    s->next = NULL;
    *d->waiting_end = s;
    d->waiting_end = &s->next;
}

static struct blk_queue *queue_with_room(struct gk_blk *d)
{
    struct blk_queue *best = &d->queue[0];

    for (unsigned int i = 1; i < d->queues; i++)
        if (blk_ring_room(&d->queue[i].ring) > blk_ring_room(&best->ring))
            best = &d->queue[i];
    return blk_ring_room(&best->ring) ? best : NULL;
}

static uint16_t handle(const struct gk_blk *d)
{
    uint16_t n = 0;

    for (const char *p = d->dev.node + strlen("device/vbd/"); *p >= '0' && *p <= '9'; p++)
        n = (uint16_t)(n * 10 + (*p - '0'));
    return n;
}

void blk_pump(struct gk_blk *d)
{
    bool used[QUEUES_MAX] = {false};
    struct blk_queue *q;
    blkif_request_t request;

    while (d->connected && d->waiting && (q = queue_with_room(d))) {
        struct blk_slot *s = d->waiting;
        d->waiting = s->next;
        if (!d->waiting)
            d->waiting_end = &d->waiting;
        blk_request_make(s, (uint64_t)(s - d->slot), handle(d), &request);
        s->state = SLOT_SENT;
        s->queue = (uint8_t)(q - d->queue);
        blk_ring_put(&q->ring, &request);
        used[s->queue] = true;
    }
    for (unsigned int i = 0; i < d->queues; i++)
        if (used[i] && blk_ring_publish(&d->queue[i].ring))
            gk_evt_send(d->queue[i].port);
}

static void pages_put(struct gk_blk *d, struct blk_slot *s)
{
    for (unsigned int i = 0; i <= s->pages; i++) {
        struct blk_page *p = i < s->pages ? s->page[i] : s->indirect;
        if (p) {
            p->next = d->pages;
            d->pages = p;
        }
    }
}

static void slot_end(struct gk_blk *d, struct blk_slot *s, int error)
{
    struct blk_call *call = s->call;

    if (s->operation == BLKIF_OP_READ && !error)
        for (unsigned int i = 0; i < s->pages; i++) {
            size_t at = (size_t)i * GK_PAGE_SIZE, left = s->sectors * SECTOR - at;
            memcpy(s->target + at, s->page[i]->bytes, left < GK_PAGE_SIZE ? left : GK_PAGE_SIZE);
        }
    pages_put(d, s);
    s->state = SLOT_FREE;
    s->next = d->free;
    d->free = s;
    if (error && !call->error)
        call->error = error;
    if (!--call->parts)
        gk_waitq_wake(&call->wait);
}

void blk_break(struct gk_blk *d, const char *why)
{
    if (!d->broken)
        gk_printf("%s: %s: the disk is stopped\n", d->dev.node, why);
    d->broken = true;
    d->connected = false;
    d->waiting = NULL;
    d->waiting_end = &d->waiting;
    for (unsigned int i = 0; i < SLOTS; i++)
        if (d->slot[i].state != SLOT_FREE) {
            /* The back-end may still write to these pages: they are not used again. */
            d->slot[i].pages = 0;
            d->slot[i].indirect = NULL;
            slot_end(d, &d->slot[i], -XEN_EIO);
        }
    gk_waitq_wake_all(&d->room);
    gk_waitq_wake_all(&d->state);
}

void blk_requeue(struct gk_blk *d)
{
    for (unsigned int i = 0; i < SLOTS; i++)
        if (d->slot[i].state == SLOT_SENT)
            waiting_add(d, &d->slot[i]);
}

static int status_error(int16_t status)
{
    return status == BLKIF_RSP_OKAY         ? 0
           : status == BLKIF_RSP_EOPNOTSUPP ? -XEN_EOPNOTSUPP
                                            : -XEN_EIO;
}

static bool queue_responses(struct gk_blk *d, unsigned int queue)
{
    blkif_response_t r;
    int got;

    while ((got = blk_ring_take(&d->queue[queue].ring, &r)) > 0) {
        struct blk_slot *s = r.id < SLOTS ? &d->slot[r.id] : NULL;
        if (!s || s->state != SLOT_SENT || s->queue != queue)
            return false;
        slot_end(d, s, status_error(r.status));
    }
    return !got;
}

void blk_event(uint32_t port, void *disk)
{
    struct gk_blk *d = disk;

    for (unsigned int i = 0; i < d->queues && d->connected; i++)
        if (d->queue[i].port == port && !queue_responses(d, i)) {
            blk_break(d, "a response to no request");
            return;
        }
    blk_pump(d);
    gk_waitq_wake_all(&d->room);
}

/* --- calls --- */

static struct blk_page *page_get(struct gk_blk *d)
{
    struct blk_page *p = d->pages;

    if (p) {
        d->pages = p->next;
        return p;
    }
    if (d->pages_made >= d->pages_max)
        return NULL;
    p = gk_zalloc(sizeof(*p));
    if (p && (p->bytes = gk_page_zalloc(1)) &&
        !gk_gnt_allow(d->dev.backend_id, p->bytes, false, &p->ref)) {
        d->pages_made++;
        return p;
    }
    if (p)
        gk_page_free(p->bytes);
    gk_free(p);
    d->pages_max = d->pages_made; /* that is all there are */
    return NULL;
}

/* All pages of a slot, or none. */
static bool pages_get(struct gk_blk *d, struct blk_slot *s, unsigned int count)
{
    s->indirect = NULL;
    s->pages = 0;
    while (s->pages < count && (s->page[s->pages] = page_get(d)))
        s->pages++;
    if (s->pages == count && count > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        s->indirect = page_get(d);
    if (s->pages == count && (count <= BLKIF_MAX_SEGMENTS_PER_REQUEST || s->indirect))
        return true;
    pages_put(d, s);
    return false;
}

/* A slot with its pages; waits for them. NULL: broken, or not even one request has room. */
static struct blk_slot *slot_get(struct gk_blk *d, unsigned int pages)
{
    for (;;) {
        struct blk_slot *s = d->free;
        if (d->broken)
            return NULL;
        if (s && pages_get(d, s, pages)) {
            d->free = s->next;
            return s;
        }
        if (s && d->pages_max < pages + 1)
            return NULL;
        gk_waitq_wait(&d->room, GK_FOREVER);
    }
}

static int part_start(struct gk_blk *d, struct blk_call *call, uint8_t operation, uint64_t offset,
                      uint8_t *bytes, uint64_t length)
{
    bool data = operation == BLKIF_OP_READ || operation == BLKIF_OP_WRITE;
    unsigned int pages = data ? (unsigned int)((length + GK_PAGE_SIZE - 1) / GK_PAGE_SIZE) : 0;
    struct blk_slot *s = slot_get(d, pages);

    if (!s)
        return d->broken ? -XEN_EIO : -XEN_ENOMEM;
    s->operation = operation;
    s->sector = offset / SECTOR;
    s->sectors = length / SECTOR;
    s->target = bytes;
    s->call = call;
    for (unsigned int i = 0; i < pages && operation == BLKIF_OP_WRITE; i++) {
        size_t at = (size_t)i * GK_PAGE_SIZE, left = length - at;
        memcpy(s->page[i]->bytes, bytes + at, left < GK_PAGE_SIZE ? left : GK_PAGE_SIZE);
    }
    call->parts++;
    waiting_add(d, s);
    blk_pump(d);
    return 0;
}

static int call_wait(struct blk_call *call)
{
    while (call->parts)
        gk_waitq_wait(&call->wait, GK_FOREVER);
    return call->error;
}

static int range_check(const struct gk_blk *d, uint64_t offset, uint64_t length)
{
    uint64_t sector = d->info.sector_size;

    if (d->broken)
        return -XEN_EIO;
    if (offset % sector || length % sector || offset > d->info.size ||
        length > d->info.size - offset)
        return -XEN_EINVAL;
    return 0;
}

static int transfer(struct gk_blk *d, uint8_t operation, uint64_t offset, uint8_t *bytes,
                    size_t length)
{
    KIT_TURN;
    struct blk_call call = {.parts = 0};
    int rc = range_check(d, offset, length);

    while (!rc && length) {
        size_t most = (size_t)d->info.segments * GK_PAGE_SIZE;
        size_t n = length < most ? length : most;
        rc = part_start(d, &call, operation, offset, bytes, n);
        offset += n;
        bytes += n;
        length -= n;
    }
    int error = call_wait(&call);
    return rc ? rc : error;
}

int gk_blk_read(struct gk_blk *disk, uint64_t offset, void *bytes, size_t length)
{
    return transfer(disk, BLKIF_OP_READ, offset, bytes, length);
}

int gk_blk_write(struct gk_blk *disk, uint64_t offset, const void *bytes, size_t length)
{
    if (disk->info.readonly)
        return -XEN_EROFS;
    return transfer(disk, BLKIF_OP_WRITE, offset, (uint8_t *)(uintptr_t)bytes, length);
}

static int simple(struct gk_blk *d, uint8_t operation, uint64_t offset, uint64_t length)
{
    KIT_TURN;
    struct blk_call call = {.parts = 0};
    int rc = part_start(d, &call, operation, offset, NULL, length);
    int error = call_wait(&call);

    return rc ? rc : error;
}

int gk_blk_flush(struct gk_blk *disk)
{
    if (disk->broken)
        return -XEN_EIO;
    if (disk->info.readonly) /* nothing was written; back-ends may refuse the request */
        return 0;
    return disk->info.flush ? simple(disk, BLKIF_OP_FLUSH_DISKCACHE, 0, 0) : 0;
}

int gk_blk_discard(struct gk_blk *disk, uint64_t offset, uint64_t length)
{
    int rc = range_check(disk, offset, length);

    if (rc)
        return rc;
    if (!disk->info.discard)
        return -XEN_EOPNOTSUPP;
    if (disk->info.readonly)
        return -XEN_EROFS;
    return simple(disk, BLKIF_OP_DISCARD, offset, length);
}

void gk_blk_info(const struct gk_blk *disk, struct gk_blk_info *info)
{
    *info = disk->info;
}
