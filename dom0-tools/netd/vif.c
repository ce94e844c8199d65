/*
 * Interfaces (see vif.h): what argon-netd adds to dkit/device.h.
 *
 * The monitor, which has the store and netlink, makes the tap and puts it into its bridge; the
 * process opens the tap's queues, gives up its privileges, and carries frames (queue.c).
 */
#include "netd/vif.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dkit/log.h"
#include "dkit/process.h"
#include "netd/link.h"
#include "netd/queue.h"

/* From the back-end's nodes, which are dom0's alone; copied into the process by its fork. */
struct vif {
    char name[IFNAMSIZ], bridge[IFNAMSIZ];
    uint32_t mtu;
    struct filter filter;
    struct rate rate;
};

/* Of the front-end's nodes. */
struct vif_rings {
    struct kept_rings rings;
    bool scatter, gso_v4, gso_v6, no_csum_v4, no_csum_v6;
};
_Static_assert(sizeof(struct vif_rings) <= DEVICE_PAYLOAD, "it fits into an order");

static const struct vif_options *opt;

/* --- the monitor's side ----------------------------------------------------------------------- */

static bool name_node(const struct device *d, const char *key, char *to)
{
    char *v = xb_read("%s", device_node(d, key));
    bool ok = v && v[0] && strlen(v) < IFNAMSIZ;
    if (ok)
        memcpy(to, v, strlen(v) + 1);
    free(v);
    return ok;
}

static int read_filter(const struct device *d, struct vif *v, char *why, size_t room)
{
    char *ip = xb_read("%s", device_node(d, "ip")), *rate = xb_read("%s", device_node(d, "rate"));
    int rc = 0;
    if (ip && !filter_parse(&v->filter, ip)) {
        snprintf(why, room, "ip: '%s' is not a list of at most %d addresses", ip, FILTER_ADDRESSES);
        rc = -EINVAL;
    }
    if (rate && !rate_parse(&v->rate, rate)) {
        snprintf(why, room, "rate: '%s' is not BYTES,MICROSECONDS", rate);
        rc = -EINVAL;
    }
    free(ip);
    free(rate);
    return rc;
}

static int prepare(struct device *d, char *why, size_t room)
{
    struct vif *v = d->own ? d->own : calloc(1, sizeof *v);
    if (!v)
        return -ENOMEM;
    *v = (struct vif){0};
    d->own = v;
    if (!name_node(d, "vifname", v->name))
        snprintf(v->name, sizeof v->name, "vif%u.%u", d->domid, d->devid);
    if (!name_node(d, "bridge", v->bridge))
        snprintf(v->bridge, sizeof v->bridge, "xenbr0");
    v->mtu = (uint32_t)xb_number(0, 65535, "%s", device_node(d, "mtu"));
    const struct link_spec l = {
        .name = v->name, .bridge = v->bridge, .mtu = v->mtu, .multi_queue = opt->max_queues > 1};
    int rc = read_filter(d, v, why, room);
    if (!rc)
        rc = link_make(&l, why, room);
    xb_write(rc ? "error" : "connected", "%s", device_node(d, "hotplug-status"));
    return rc;
}

static void gone(struct device *d)
{
    struct vif *v = d->own;
    if (v && v->name[0])
        link_delete(v->name, v->bridge);
    free(v);
    d->own = NULL;
}

static void offer(const struct device *d)
{
    static const char *const features[] = {
        "feature-sg",      "feature-gso-tcpv4",         "feature-gso-tcpv6",
        "feature-rx-copy", "feature-ipv6-csum-offload", "feature-split-event-channels",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++)
        xb_write_number(1, "%s", device_node(d, features[i]));
    xb_write_number(0, "%s", device_node(d, "feature-rx-flip"));
    xb_write_number(opt->max_queues, "%s", device_node(d, "multi-queue-max-queues"));
}

static bool read_queue(const struct device *d, struct kept_rings *r, unsigned i)
{
    bool split = device_queue_number(d, r->nr_queues, i, "event-channel-tx", &r->tx_port[i]);
    bool ports = split ? device_queue_number(d, r->nr_queues, i, "event-channel-rx", &r->rx_port[i])
                       : device_queue_number(d, r->nr_queues, i, "event-channel", &r->tx_port[i]);
    if (!split)
        r->rx_port[i] = r->tx_port[i];
    return ports && device_queue_number(d, r->nr_queues, i, "tx-ring-ref", &r->tx_ref[i]) &&
           device_queue_number(d, r->nr_queues, i, "rx-ring-ref", &r->rx_ref[i]);
}

static bool front_flag(const struct device *d, const char *key)
{
    return xb_number(0, 1, "%s/%s", d->front, key) != 0;
}

static const char *read_rings(const struct device *d, void *rings)
{
    struct vif_rings r = {0};
    if (!front_flag(d, "request-rx-copy"))
        return "the front-end wants pages transferred, not copied to (request-rx-copy)";
    r.rings.nr_queues = (uint32_t)xb_number(1, UINT32_MAX, "%s/multi-queue-num-queues", d->front);
    if (r.rings.nr_queues < 1 || r.rings.nr_queues > opt->max_queues)
        return "the front-end wants more queues than were offered";
    for (unsigned i = 0; i < r.rings.nr_queues; i++)
        if (!read_queue(d, &r.rings, i))
            return "the front-end's ring-ref or event-channel is missing or not a number";
    r.scatter = front_flag(d, "feature-sg");
    r.gso_v4 = r.scatter && front_flag(d, "feature-gso-tcpv4");
    r.gso_v6 = r.scatter && front_flag(d, "feature-gso-tcpv6");
    r.no_csum_v4 = front_flag(d, "feature-no-csum-offload");
    r.no_csum_v6 = !front_flag(d, "feature-ipv6-csum-offload");
    memcpy(rings, &r, sizeof r);
    return NULL;
}

/* --- the process ------------------------------------------------------------------------------ */

static const struct vif *vif;
static struct kept_file *kept;
static unsigned domid;
static int tap[KEPT_QUEUES];

static int open_vif(const struct device *d, void *state, void *info, char *why, size_t room)
{
    (void)info;
    vif = d->own;
    kept = state;
    domid = d->domid;
    queues_broken = process_broken;
    int rc = queues_reserve();
    if (rc) {
        snprintf(why, room, "memory: %s", strerror(-rc));
        return rc;
    }
    for (unsigned i = 0; i < opt->max_queues; i++) {
        tap[i] = link_tap(vif->name, opt->max_queues > 1);
        if (tap[i] < 0) {
            snprintf(why, room, "tap %s: %s", vif->name, strerror(-tap[i]));
            return tap[i];
        }
    }
    return 0;
}

static int connect_vif(const void *rings, bool resume, char *why, size_t room)
{
    const struct vif_rings *r = rings;
    const struct queue_options o = {.scatter = r->scatter,
                                    .gso_v4 = r->gso_v4,
                                    .gso_v6 = r->gso_v6,
                                    .no_csum_v4 = r->no_csum_v4,
                                    .no_csum_v6 = r->no_csum_v6,
                                    .filter = vif->filter,
                                    .rate = vif->rate};
    /* A queue that nobody reads would take its share of the frames all the same. */
    for (unsigned i = r->rings.nr_queues; i < opt->max_queues; i++)
        close(tap[i]);
    int rc = link_offload(tap[0], !r->no_csum_v4, r->gso_v4 && !r->no_csum_v4,
                          r->gso_v6 && !r->no_csum_v6);
    if (rc) {
        snprintf(why, room, "tap %s: offloads cannot be set: %s", vif->name, strerror(-rc));
        return rc;
    }
    return queues_open(domid, &r->rings, &o, tap, kept, resume, why, room);
}

/* Nothing is under way between two turns of the loop. */
static void stop_vif(void (*idle)(void))
{
    idle();
}

/* (_Noreturn is no part of a function's type; the attribute is.) */
static __attribute__((noreturn)) void process(const struct device *d, int fd)
{
    const struct process_kind k = {.open = open_vif,
                                   .state_bytes = sizeof(struct kept_file),
                                   .connect = connect_vif,
                                   .stop = stop_vif,
                                   .no_confine = opt->no_confine};
    process_main(d, fd, &k);
}

int vifs_start(const struct vif_options *o)
{
    static struct device_kind kind = {
        .name = "netd",
        .noun = "vif",
        .prepare = prepare,
        .process = process,
        .offer = offer,
        .read_rings = read_rings,
        .gone = gone,
    };
    opt = o;
    kind.state_dir = o->state_dir;
    link_open(o->state_dir);
    return devices_start(&kind);
}
