/*
 * Disks (see vbd.h): what argon-blkd adds to dkit/device.h.
 *
 * The monitor reads the store; a disk's process opens what the disk is kept on, gives up its
 * privileges, and serves the rings (queue.c).
 */
#include "blkd/vbd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkd/queue.h"
#include "dkit/process.h"

/* From the back-end's nodes, which are dom0's alone; copied into the process by its fork. */
struct vbd {
    char *target;
    bool readonly, discard, cdrom;
};

/* Of the front-end's nodes. */
struct vbd_rings {
    struct state_rings rings;
    bool persistent;
};
_Static_assert(sizeof(struct vbd_rings) <= DEVICE_PAYLOAD, "it fits into an order");
_Static_assert(sizeof(struct disk_info) <= DEVICE_INFO, "it fits into a report");

static const struct vbd_options *opt;

/* --- the monitor's side ----------------------------------------------------------------------- */

static void gone(struct device *d)
{
    struct vbd *v = d->own;
    if (v)
        free(v->target);
    free(v);
    d->own = NULL;
}

static bool node_is(const struct device *d, const char *key, const char *value)
{
    char *v = xb_read("%s", device_node(d, key));
    bool is = v && strcmp(v, value) == 0;
    free(v);
    return is;
}

static int prepare(struct device *d, char *why, size_t room)
{
    gone(d); /* of the process before */
    struct vbd *v = calloc(1, sizeof *v);
    if (!v)
        return -ENOMEM;
    d->own = v;
    v->target = xb_read("%s", device_node(d, "params"));
    v->readonly = !node_is(d, "mode", "w");
    v->discard = xb_number(1, 1, "%s", device_node(d, "discard-enable")) != 0;
    v->cdrom = node_is(d, "device-type", "cdrom");
    if (v->target)
        return 0;
    snprintf(why, room, "its node 'params' is missing");
    return -ENOENT;
}

static struct disk_info info_of(const struct device *d)
{
    struct disk_info i;
    memcpy(&i, d->info, sizeof i);
    return i;
}

static void offer(const struct device *d)
{
    const struct disk_info info = info_of(d);
    xb_write_number(opt->max_queues, "%s", device_node(d, "multi-queue-max-queues"));
    xb_write_number(opt->max_order, "%s", device_node(d, "max-ring-page-order"));
    xb_write_number(1, "%s", device_node(d, "feature-persistent"));
    xb_write_number(REQ_SEGMENTS, "%s", device_node(d, "feature-max-indirect-segments"));
    xb_write_number(info.limits.flush, "%s", device_node(d, "feature-flush-cache"));
    xb_write_number(info.limits.flush, "%s", device_node(d, "feature-barrier"));
    xb_write_number(info.limits.discard, "%s", device_node(d, "feature-discard"));
    if (info.limits.discard && info.discard_granularity) {
        xb_write_number(info.discard_granularity, "%s", device_node(d, "discard-granularity"));
        xb_write_number(0, "%s", device_node(d, "discard-alignment"));
    }
}

static void describe(const struct device *d)
{
    const struct disk_info info = info_of(d);
    const struct vbd *v = d->own;
    unsigned kind = (info.limits.readonly ? VDISK_READONLY : 0) | (v->cdrom ? VDISK_CDROM : 0);
    xb_write_number(info.limits.sectors, "%s", device_node(d, "sectors"));
    xb_write_number(kind, "%s", device_node(d, "info"));
    xb_write_number(info.sector_size, "%s", device_node(d, "sector-size"));
    xb_write_number(info.physical_size, "%s", device_node(d, "physical-sector-size"));
}

static bool read_ring(const struct device *d, struct state_rings *r, unsigned n)
{
    if (!device_queue_number(d, r->nr_queues, n, "event-channel", &r->port[n]))
        return false;
    /* A ring of one page may have its reference under the older name. */
    if (r->order == 0 && device_queue_number(d, r->nr_queues, n, "ring-ref", &r->ref[n][0]))
        return true;
    for (unsigned i = 0; i < 1u << r->order; i++) {
        char key[24];
        snprintf(key, sizeof key, "ring-ref%u", i);
        if (!device_queue_number(d, r->nr_queues, n, key, &r->ref[n][i]))
            return false;
    }
    return true;
}

static const char *read_rings(const struct device *d, void *rings)
{
    struct vbd_rings v = {0};
    struct state_rings *r = &v.rings;
    char *abi = xb_read("%s/protocol", d->front);
    bool right = !abi || strcmp(abi, "x86_64-abi") == 0;
    free(abi);
    if (!right)
        return "the front-end speaks another ABI than x86_64-abi";
    r->nr_queues = (uint32_t)xb_number(1, UINT32_MAX, "%s/multi-queue-num-queues", d->front);
    r->order = (uint32_t)xb_number(0, UINT32_MAX, "%s/ring-page-order", d->front);
    if (r->nr_queues < 1 || r->nr_queues > opt->max_queues || r->order > opt->max_order)
        return "the front-end wants more queues or pages of rings than were offered";
    for (unsigned i = 0; i < r->nr_queues; i++)
        if (!read_ring(d, r, i))
            return "the front-end's ring-ref or event-channel is missing or not a number";
    v.persistent = xb_number(0, 1, "%s/feature-persistent", d->front) != 0;
    memcpy(rings, &v, sizeof v);
    return NULL;
}

/* --- the process ------------------------------------------------------------------------------ */

static struct state_file *state;
static struct disk_info disk;
static unsigned domid;

static int open_vbd(const struct device *d, void *state_file, void *info, char *why, size_t room)
{
    const struct vbd *v = d->own;
    state = state_file;
    domid = d->domid;
    queues_broken = process_broken;
    int rc = disk_open(v->target, v->readonly, v->discard, &disk, why, room);
    memcpy(info, &disk, sizeof disk);
    return rc;
}

static int connect_vbd(const void *rings, bool resume, char *why, size_t room)
{
    const struct vbd_rings *r = rings;
    return queues_open(domid, &r->rings, r->persistent, &disk, state, resume, why, room);
}

/* (_Noreturn is no part of a function's type; the attribute is.) */
static __attribute__((noreturn)) void process(const struct device *d, int fd)
{
    const struct process_kind k = {.open = open_vbd,
                                   .state_bytes = sizeof(struct state_file),
                                   .calls = disk_calls,
                                   .connect = connect_vbd,
                                   .stop = queues_stop,
                                   .no_confine = opt->no_confine};
    process_main(d, fd, &k);
}

int vbds_start(const struct vbd_options *o)
{
    static struct device_kind kind = {
        .name = "blkd",
        .noun = "disk",
        .prepare = prepare,
        .process = process,
        .offer = offer,
        .read_rings = read_rings,
        .describe = describe,
        .gone = gone,
    };
    opt = o;
    kind.state_dir = o->state_dir;
    return devices_start(&kind);
}
