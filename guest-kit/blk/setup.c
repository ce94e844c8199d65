/*
 * The block front-end's negotiation: finding disks, connecting, and connecting again when the
 * back-end or the whole guest was elsewhere. Each disk has a thread for it.
 */
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/time.h>
#include "blk/blk.h"
#include "libc/string.h"
#include "thread/turn.h"

static struct gk_blk *open_disks;

#define BIT(state) (1U << (state))

static int queue_make(struct gk_blk *d, struct blk_queue *q)
{
    q->shared = gk_page_zalloc(1);
    if (!q->shared)
        return -XEN_ENOMEM;
    blk_ring_init(&q->ring, q->shared);
    int rc = gk_gnt_allow(d->dev.backend_id, q->shared, false, &q->ref);
    if (rc) {
        gk_page_free(q->shared);
        q->shared = NULL;
        return rc;
    }
    rc = gk_evt_alloc(d->dev.backend_id, blk_event, d);
    q->port = rc > 0 ? (uint32_t)rc : 0;
    return rc > 0 ? 0 : rc;
}

/* The back-end may still have the page: it is freed when it lets go. */
static void queues_drop(struct gk_blk *d)
{
    for (unsigned int i = 0; i < QUEUES_MAX; i++) {
        struct blk_queue *q = &d->queue[i];
        if (q->port && !d->lost)
            gk_evt_close(q->port);
        if (q->shared)
            gk_gnt_end_later(q->ref, q->shared);
        *q = (struct blk_queue){.port = 0};
    }
    d->queues = 0;
}

static int publish(struct gk_blk *d, gk_xs_tx tx)
{
    char name[40];
    int rc = gk_xb_put(&d->dev, tx, "protocol", "%s", "x86_64-abi");

    if (!rc)
        rc = gk_xb_put(&d->dev, tx, "feature-persistent", "1");
    if (!rc && d->queues > 1)
        rc = gk_xb_put(&d->dev, tx, "multi-queue-num-queues", "%u", d->queues);
    for (unsigned int i = 0; i < d->queues && !rc; i++) {
        const char *prefix = "";
        char below[16];
        if (d->queues > 1) {
            gk_snprintf(below, sizeof(below), "queue-%u/", i);
            prefix = below;
        }
        gk_snprintf(name, sizeof(name), "%sring-ref", prefix);
        rc = gk_xb_put(&d->dev, tx, name, "%u", d->queue[i].ref);
        gk_snprintf(name, sizeof(name), "%sevent-channel", prefix);
        if (!rc)
            rc = gk_xb_put(&d->dev, tx, name, "%u", d->queue[i].port);
    }
    return rc;
}

static int publish_all(struct gk_blk *d)
{
    gk_xs_tx tx;
    int rc;

    do {
        rc = gk_xs_begin(&tx);
        if (rc)
            return rc;
        rc = publish(d, tx);
        int end = gk_xs_end(tx, !rc);
        rc = rc ? rc : end;
    } while (rc == -XEN_EAGAIN);
    return rc;
}

static unsigned int limit(uint64_t value, unsigned int low, unsigned int high)
{
    return value < low ? low : value > high ? high : (unsigned int)value;
}

static int queues_make(struct gk_blk *d)
{
    uint64_t theirs = gk_xb_feature(&d->dev, "multi-queue-max-queues", 1);
    unsigned int wanted = limit(gk_option_u64("gk.blk.queues", QUEUES_MAX), 1, QUEUES_MAX);
    int rc = 0;

    d->queues = limit(theirs, 1, wanted);
    for (unsigned int i = 0; i < d->queues && !rc; i++)
        rc = queue_make(d, &d->queue[i]);
    return rc;
}

/* What the back-end says of the disk, not believed further than it makes sense. */
static int info_read(struct gk_blk *d)
{
    uint64_t sectors = gk_xb_feature(&d->dev, "sectors", 0);
    uint64_t size = gk_xb_feature(&d->dev, "sector-size", 512);
    uint64_t info = gk_xb_feature(&d->dev, "info", 0);

    if (!sectors || sectors > UINT64_MAX / 512 || size < 512 || size > GK_PAGE_SIZE ||
        size & (size - 1))
        return -XEN_EINVAL;
    d->info.size = sectors * 512;
    d->info.sector_size = (uint32_t)size;
    d->info.readonly = info & VDISK_READONLY;
    d->info.flush = gk_xb_feature(&d->dev, "feature-flush-cache", 0) == 1;
    d->info.discard = gk_xb_feature(&d->dev, "feature-discard", 0) == 1;
    d->info.persistent = gk_xb_feature(&d->dev, "feature-persistent", 0) == 1;
    d->info.queues = d->queues;
    uint64_t indirect = gk_xb_feature(&d->dev, "feature-max-indirect-segments", 0);
    d->info.segments = indirect > BLKIF_MAX_SEGMENTS_PER_REQUEST ? limit(indirect, 1, SEGMENTS_MAX)
                                                                 : BLKIF_MAX_SEGMENTS_PER_REQUEST;
    /* Requests cut for the former back-end may be too large for this one. */
    for (unsigned int i = 0; i < SLOTS; i++)
        if (d->slot[i].state != SLOT_FREE && d->slot[i].pages > d->info.segments)
            return -XEN_EINVAL;
    return 0;
}

/* One attempt. -XEN_EBUSY: the back-end is not (or no longer) ready. */
static int connect(struct gk_blk *d)
{
    int state = gk_xb_wait_backend(&d->dev, BIT(GK_XB_INIT_WAIT), gk_time_mono() + GK_S);

    if (state < 0)
        return state;
    int rc = queues_make(d);
    if (!rc)
        rc = publish_all(d);
    if (!rc)
        rc = gk_xb_set_state(&d->dev, GK_XB_INITIALISED);
    if (rc)
        return rc;
    state =
        gk_xb_wait_backend(&d->dev, BIT(GK_XB_CONNECTED) | BIT(GK_XB_CLOSING) | BIT(GK_XB_CLOSED),
                           gk_time_mono() + 60 * GK_S);
    if (state != GK_XB_CONNECTED)
        return -XEN_EBUSY;
    rc = info_read(d);
    if (!rc)
        rc = gk_xb_set_state(&d->dev, GK_XB_CONNECTED);
    return rc;
}

static void connected(struct gk_blk *d)
{
    d->connected = true;
    d->info.connections++;
    if (d->info.connections > 1)
        gk_printf("%s: connected again\n", d->dev.node);
    blk_pump(d);
    gk_waitq_wake_all(&d->room);
    gk_waitq_wake_all(&d->state);
}

/* Our end is shut, then opened; a back-end that is still there then waits for us again. */
static void reopen(struct gk_blk *d)
{
    d->connected = false;
    blk_requeue(d);
    if (!d->lost) {
        gk_xb_set_state(&d->dev, GK_XB_CLOSED);
        gk_xb_wait_backend(&d->dev, BIT(GK_XB_CLOSED) | BIT(GK_XB_INIT_WAIT) | BIT(GK_XB_UNKNOWN),
                           gk_time_mono() + 10 * GK_S);
    }
    queues_drop(d);
    d->lost = false;
    int rc = gk_xb_open(&d->dev, d->dev.node);
    if (rc == -XEN_ENOENT)
        blk_break(d, "it was taken away");
    else if (!rc)
        gk_xb_set_state(&d->dev, GK_XB_INITIALISING);
}

static void state_changed(const char *path, void *disk)
{
    struct gk_blk *d = disk;

    (void)path;
    d->event = true;
    gk_waitq_wake_all(&d->state);
}

static void watch_stop(struct gk_blk *d)
{
    if (d->watch)
        gk_xs_unwatch(d->watch);
    d->watch = NULL;
}

static void stay_connected(struct gk_blk *d)
{
    gk_xb_watch_backend(&d->dev, state_changed, d, &d->watch);
    for (;;) {
        d->event = false;
        if (d->closing || d->broken || d->lost || gk_xb_backend_state(&d->dev) != GK_XB_CONNECTED)
            break;
        GK_WAIT_FOR(&d->state, d->event || d->closing || d->broken || d->lost, GK_FOREVER);
    }
    watch_stop(d);
}

void blk_run(void *disk)
{
    struct gk_blk *d = disk;

    while (!d->closing && !d->broken) {
        int rc = connect(d);
        if (!rc) {
            connected(d);
            stay_connected(d);
        } else if (rc != -XEN_EBUSY && rc != -XEN_ENOENT) {
            blk_break(d, gk_err_name(rc));
        }
        if (!d->closing && !d->broken)
            reopen(d);
    }
    d->connected = false;
    gk_xb_set_state(&d->dev, GK_XB_CLOSED);
    gk_xb_wait_backend(&d->dev, BIT(GK_XB_CLOSED) | BIT(GK_XB_UNKNOWN), gk_time_mono() + 5 * GK_S);
    queues_drop(d);
}

/* --- save and restore --- */

static void resumed(void *disk, bool cancelled)
{
    struct gk_blk *d = disk;

    if (cancelled)
        return;
    d->connected = false;
    d->lost = true;
    /* The new grant table is empty: all pages are granted again, to the same references. */
    gk_xb_open(&d->dev, d->dev.node);
    for (struct blk_page *p = d->pages; p; p = p->next)
        gk_gnt_set(p->ref, d->dev.backend_id, p->bytes, false);
    for (unsigned int i = 0; i < SLOTS; i++) {
        struct blk_slot *s = &d->slot[i];
        for (unsigned int j = 0; s->state != SLOT_FREE && j < s->pages; j++)
            gk_gnt_set(s->page[j]->ref, d->dev.backend_id, s->page[j]->bytes, false);
        if (s->state != SLOT_FREE && s->indirect)
            gk_gnt_set(s->indirect->ref, d->dev.backend_id, s->indirect->bytes, false);
    }
    gk_waitq_wake_all(&d->state);
}

/* --- opening --- */

/* "xvda" is major 202, minor 0; disks are 16 apart (<xen/io/blkif.h>). */
static bool is_named(const char *number, const char *name)
{
    char text[16];

    if (!name || !strcmp(number, name))
        return true;
    if (strncmp(name, "xvd", 3) || name[3] < 'a' || name[3] > 'p' || name[4])
        return false;
    gk_snprintf(text, sizeof(text), "%d", 202 * 256 + (name[3] - 'a') * 16);
    return !strcmp(number, text);
}

static int find(const char *name, char *node, size_t size)
{
    char **names;
    size_t count;
    int rc = gk_xs_list(GK_XS_NONE, "device/vbd", &names, &count);

    if (rc)
        return rc;
    rc = -XEN_ENOENT;
    for (size_t i = 0; i < count && rc; i++)
        if (is_named(names[i], name)) {
            gk_snprintf(node, size, "device/vbd/%s", names[i]);
            rc = 0;
        }
    gk_free(names);
    return rc;
}

static struct gk_blk *disk_new(const char *node)
{
    struct gk_blk *d = gk_zalloc(sizeof(*d));
    struct gk_mem_info memory;

    if (!d)
        return NULL;
    gk_mem_info(&memory);
    d->pages_max = limit(memory.free_pages / 8, SEGMENTS_MAX + 1, 512);
    d->waiting_end = &d->waiting;
    for (unsigned int i = SLOTS; i-- > 0;) {
        d->slot[i].next = d->free;
        d->free = &d->slot[i];
    }
    d->hook = (struct gk_suspend_hook){.resume = resumed, .argument = d};
    gk_snprintf(d->dev.node, sizeof(d->dev.node), "%s", node);
    return d;
}

int gk_blk_open(const char *name, uint64_t deadline, struct gk_blk **disk)
{
    KIT_TURN;
    char node[GK_XB_PATH];
    int rc = find(name, node, sizeof(node));

    if (rc)
        return rc;
    for (struct gk_blk *d = open_disks; d; d = d->next)
        if (!strcmp(d->dev.node, node))
            return -XEN_EBUSY;
    struct gk_blk *d = disk_new(node);
    if (!d)
        return -XEN_ENOMEM;
    rc = gk_xb_open(&d->dev, node);
    d->thread = rc ? NULL : gk_thread_create("disk", blk_run, d, GK_STACK_DEFAULT);
    if (!d->thread) {
        gk_free(d);
        return rc ? rc : -XEN_ENOMEM;
    }
    gk_suspend_register(&d->hook);
    d->next = open_disks;
    open_disks = d;
    GK_WAIT_FOR(&d->state, d->connected || d->broken, deadline);
    if (d->connected) {
        *disk = d;
        return 0;
    }
    rc = d->broken ? -XEN_EIO : -XEN_EBUSY;
    gk_blk_close(d);
    return rc;
}

/* What the back-end still holds is freed when it lets go; the bookkeeping at once. */
void gk_blk_close(struct gk_blk *disk)
{
    KIT_TURN;
    struct gk_blk **at = &open_disks;

    disk->closing = true;
    gk_waitq_wake_all(&disk->state);
    gk_thread_join(disk->thread);
    while (*at != disk)
        at = &(*at)->next;
    *at = disk->next;
    gk_suspend_unregister(&disk->hook);
    while (disk->pages) {
        struct blk_page *p = disk->pages;
        disk->pages = p->next;
        gk_gnt_end_later(p->ref, p->bytes);
        gk_free(p);
    }
    gk_free(disk);
}
