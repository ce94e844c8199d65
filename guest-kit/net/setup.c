/*
 * Network interfaces come and go: negotiation with back-ends through xenstore.
 *
 * All of it runs in the kit's xenstore thread, called by watches, so one step ends before the next
 * begins. Each step looks at how things are, not at what happened, and may run any number of times.
 * A struct net_if is never freed: lwIP may still hold its buffers. It serves again when a device of
 * the same number appears.
 */
#include <string.h>

#include <gk/err.h>
#include <gk/evt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/suspend.h>

#include "lwip/etharp.h"
#include "net/if.h"

#define BIT(state) (1U << (state))

static void on_event(uint32_t port, void *argument)
{
    (void)port;
    (void)argument;
    net_kick();
}

static void disconnect(struct net_if *nif)
{
    nif->connected = false;
    if (nif->added)
        netif_set_link_down(&nif->netif);
    for (unsigned int i = 0; i < nif->queue_count; i++) {
        struct net_queue *queue = nif->queue[i];
        if (queue->port)
            gk_evt_close(queue->port);
        queue->port = 0;
        net_queue_close(queue);
    }
    nif->queue_count = 0;
}

/* What the back-end can do, and how much of it we use. */
static unsigned int negotiate(struct net_if *nif)
{
    uint64_t most = gk_xb_feature(&nif->dev, "multi-queue-max-queues", 1);
    uint64_t want = gk_option_u64("net.queues", 1);
    struct gk_mem_info memory;
    gk_mem_info(&memory);
    nif->checksum = !gk_xb_feature(&nif->dev, "feature-no-csum-offload", 0);
    nif->sg = gk_xb_feature(&nif->dev, "feature-sg", 0) ? NET_FRAGS - 1 : 1;
    nif->gso = nif->checksum && nif->sg > 1 && gk_xb_feature(&nif->dev, "feature-gso-tcpv4", 0);
    /* The back-end fills in checksums, so lwIP need not. */
    if (nif->checksum)
        nif->netif.chksum_flags &= ~(NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP);
    else
        nif->netif.chksum_flags |= NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP;
    /* A small guest keeps few pages ready to be filled: 64 of 256. */
    nif->rx_target = memory.total_pages < 4096 ? NET_SLOTS / 4 : NET_SLOTS;
    want = want < NET_QUEUES_MAX ? want : NET_QUEUES_MAX;
    want = want < most ? want : most;
    return want ? (unsigned int)want : 1;
}

static int open_queues(struct net_if *nif, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct net_queue *queue = nif->queue[i];
        if (!queue)
            queue = nif->queue[i] = gk_zalloc(sizeof *queue);
        if (!queue)
            return -XEN_ENOMEM;
        queue->nif = nif;
        nif->queue_count = i + 1;
        int error = net_queue_open(queue);
        int port = error ? error : gk_evt_alloc(nif->dev.backend_id, on_event, queue);
        if (port < 0)
            return port;
        queue->port = (uint32_t)port;
    }
    nif->buf_limit = 2 * count * NET_SLOTS;
    return 0;
}

static int put_queue(const struct net_if *nif, gk_xs_tx tx, const struct net_queue *queue,
                     const char *prefix)
{
    char name[40];
    gk_snprintf(name, sizeof name, "%stx-ring-ref", prefix);
    int error = gk_xb_put(&nif->dev, tx, name, "%u", queue->tx_ref);
    gk_snprintf(name, sizeof name, "%srx-ring-ref", prefix);
    if (error >= 0)
        error = gk_xb_put(&nif->dev, tx, name, "%u", queue->rx_ref);
    gk_snprintf(name, sizeof name, "%sevent-channel", prefix);
    if (error >= 0)
        error = gk_xb_put(&nif->dev, tx, name, "%u", queue->port);
    return error;
}

static int put_keys(const struct net_if *nif, gk_xs_tx tx)
{
    static const char *const features[] = {"request-rx-copy", "feature-rx-notify", "feature-sg",
                                           "feature-gso-tcpv4"};
    int error = 0;
    for (unsigned int i = 0; i < sizeof features / sizeof *features && error >= 0; i++)
        error = gk_xb_put(&nif->dev, tx, features[i], "1");
    if (error >= 0 && nif->queue_count == 1)
        return put_queue(nif, tx, nif->queue[0], "");
    if (error >= 0)
        error = gk_xb_put(&nif->dev, tx, "multi-queue-num-queues", "%u", nif->queue_count);
    for (unsigned int i = 0; i < nif->queue_count && error >= 0; i++) {
        char prefix[16];
        gk_snprintf(prefix, sizeof prefix, "queue-%u/", i);
        error = put_queue(nif, tx, nif->queue[i], prefix);
    }
    return error;
}

static int write_keys(const struct net_if *nif)
{
    gk_xs_tx tx;
    int error;
    do {
        error = gk_xs_begin(&tx);
        if (error)
            return error;
        error = put_keys(nif, tx);
        int end = gk_xs_end(tx, error >= 0);
        if (error >= 0)
            error = end;
    } while (error == -XEN_EAGAIN);
    return error;
}

static err_t netif_start(struct netif *netif)
{
    struct net_if *nif = netif->state;
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->hwaddr_len = 6;
    char path[GK_XB_PATH + 8];
    gk_snprintf(path, sizeof path, "%s/mtu", nif->dev.node);
    uint64_t mtu = gk_xs_read_or(path, 1500);
    netif->mtu = mtu >= 576 && mtu <= 65521 ? (uint16_t)mtu : 1500;
    netif->output = etharp_output;
    netif->linkoutput = net_output;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->hostname = "argon";
    return ERR_OK;
}

/* "00:16:3e:01:02:03" */
static int parse_mac(const char *text, uint8_t *mac)
{
    for (unsigned int i = 0; i < 6; i++) {
        unsigned int value = 0;
        for (unsigned int digit = 0; digit < 2; digit++, text++) {
            char c = *text;
            unsigned int d = c >= '0' && c <= '9'   ? (unsigned int)(c - '0')
                             : c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10
                             : c >= 'A' && c <= 'F' ? (unsigned int)(c - 'A') + 10
                                                    : 16;
            if (d == 16)
                return -XEN_EINVAL;
            value = value * 16 + d;
        }
        mac[i] = (uint8_t)value;
        if (i < 5 && *text++ != ':')
            return -XEN_EINVAL;
    }
    return 0;
}

static int read_mac(struct net_if *nif)
{
    char path[GK_XB_PATH + 8], text[24];
    gk_snprintf(path, sizeof path, "%s/mac", nif->dev.node);
    int error = gk_xs_read_into(GK_XS_NONE, path, text, sizeof text);
    return error < 0 ? error : parse_mac(text, nif->netif.hwaddr);
}

static int add_netif(struct net_if *nif)
{
    if (!nif->added && !netif_add(&nif->netif, NULL, NULL, NULL, nif, netif_start, netif_input))
        return -XEN_ENOMEM;
    nif->added = true;
    return read_mac(nif);
}

static void connect(struct net_if *nif)
{
    nif->dead = false;
    int error = add_netif(nif);
    if (!error)
        error = open_queues(nif, negotiate(nif));
    if (!error)
        error = write_keys(nif);
    if (error) {
        gk_printf("net%u: cannot be connected: %s\n", nif->index, gk_err_name(error));
        disconnect(nif);
        gk_xb_set_state(&nif->dev, GK_XB_CLOSED);
        return;
    }
    /* Requests are there before the back-end looks. */
    nif->connected = true;
    for (unsigned int i = 0; i < nif->queue_count; i++)
        net_queue_poll(nif->queue[i], 0);
    gk_xb_set_state(&nif->dev, GK_XB_CONNECTED);
}

/* The back-end takes packets: from now on there is something at the other end of the wire. */
static void link_up(struct net_if *nif)
{
    if (netif_is_link_up(&nif->netif))
        return;
    net_config(nif);
    netif_set_link_up(&nif->netif);
    net_kick();
}

static void step(struct net_if *nif)
{
    enum gk_xb_state backend = gk_xb_backend_state(&nif->dev);
    switch (backend) {
    case GK_XB_INITIALISING:
    case GK_XB_INIT_WAIT:
        /* A back-end that has begun anew under us. */
        if (nif->connected && backend == GK_XB_INIT_WAIT && netif_is_link_up(&nif->netif))
            disconnect(nif);
        if (!nif->connected && nif->dev.state != GK_XB_INITIALISING)
            gk_xb_set_state(&nif->dev, GK_XB_INITIALISING);
        if (!nif->connected && backend == GK_XB_INIT_WAIT)
            connect(nif);
        break;
    case GK_XB_CONNECTED:
        if (nif->connected)
            link_up(nif);
        break;
    case GK_XB_CLOSING:
    case GK_XB_CLOSED:
    case GK_XB_UNKNOWN:
        if (nif->connected)
            gk_printf("net%u: the back-end is gone\n", nif->index);
        disconnect(nif);
        gk_xb_set_state(&nif->dev, GK_XB_CLOSED);
        break;
    default:
        break;
    }
}

static void on_backend(const char *path, void *argument)
{
    (void)path;
    step(argument);
}

/* ---- devices ---- */

static struct net_if *find(unsigned int index)
{
    struct net_if *nif = net_ifs;
    while (nif && nif->index != index)
        nif = nif->next;
    return nif;
}

/* Takes up device/vif/<index>, unless we have it. */
static void device_add(unsigned int index)
{
    char node[32];
    struct net_if *nif = find(index);
    if (nif && nif->watch)
        return;
    gk_snprintf(node, sizeof node, "device/vif/%u", index);
    if (!nif) {
        nif = gk_zalloc(sizeof *nif);
        if (!nif)
            return;
        nif->index = index;
        nif->next = net_ifs;
        net_ifs = nif;
    }
    if (gk_xb_open(&nif->dev, node)) /* not written whole yet: the watch tells when */
        return;
    if (gk_xb_watch_backend(&nif->dev, on_backend, nif, &nif->watch))
        gk_printf("net%u: cannot be watched\n", index);
}

static void device_drop(struct net_if *nif)
{
    if (!nif->watch)
        return;
    gk_xs_unwatch(nif->watch);
    nif->watch = NULL;
    disconnect(nif);
    gk_printf("net%u: removed\n", nif->index);
}

static int number(const char *text)
{
    int value = 0;
    for (; *text >= '0' && *text <= '9' && value < 100000; text++)
        value = value * 10 + (*text - '0');
    return *text ? -1 : value;
}

/* The devices that there are, and no others. */
static void on_devices(const char *path, void *argument)
{
    char **names = NULL;
    size_t count = 0;
    (void)path;
    (void)argument;
    if (gk_xs_list(GK_XS_NONE, "device/vif", &names, &count))
        count = 0;
    for (size_t i = 0; i < count; i++)
        if (number(names[i]) >= 0)
            device_add((unsigned int)number(names[i]));
    for (struct net_if *nif = net_ifs; nif; nif = nif->next) {
        bool there = false;
        for (size_t i = 0; i < count; i++)
            there |= number(names[i]) == (int)nif->index;
        if (!there)
            device_drop(nif);
    }
    gk_free(names);
}

/* In another place: rings, grants and ports are gone, and so is the back-end that we knew. */
static void on_resume(void *argument, bool cancelled)
{
    (void)argument;
    if (cancelled)
        return;
    for (struct net_if *nif = net_ifs; nif; nif = nif->next) {
        if (!nif->watch)
            continue;
        gk_xs_unwatch(nif->watch);
        nif->watch = NULL;
        for (unsigned int i = 0; i < nif->queue_count; i++)
            nif->queue[i]->port = 0;
        disconnect(nif);
        device_add(nif->index);
    }
}

int net_setup_start(void)
{
    static struct gk_suspend_hook hook = {.resume = on_resume};
    static struct gk_xs_watch *watch;
    int rc = gk_xs_watch("device/vif", on_devices, NULL, &watch);
    if (!rc)
        gk_suspend_register(&hook);
    return rc;
}
