/*
 * A network interface of the guest: a front-end and lwIP's netif above it.
 *
 * front.c moves packets, setup.c negotiates with the back-end, stack.c owns the thread in which
 * packets come in, config.c gives addresses. Only threads call any of this, and none of it blocks
 * but setup.c, so lwIP is never entered twice.
 */
#ifndef GUEST_KIT_NET_IF_H
#define GUEST_KIT_NET_IF_H

#include <stdbool.h>
#include <stdint.h>

#include <gk/gnt.h>
#include <gk/xenbus.h>

#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "net/gather.h"
#include "net/offload.h"
#include "net/ring.h"

#define NET_QUEUES_MAX 8

/*
 * A page that packets are received in. While it is in the ring the back-end may write it; before
 * anyone here looks at it in place the grant is ended, so what was checked stays as it was.
 */
struct net_buf {
    struct pbuf_custom pbuf; /* first: lwIP hands it back to us */
    struct net_if *owner;
    struct net_buf *next; /* in a list of free or of stuck ones */
    uint8_t *page;
    gk_gref ref;
    bool granted;
};

/* A page that packets are sent from, granted read-only as long as the interface is connected. */
struct net_tx_page {
    void *page;
    gk_gref ref;
};

/* A packet being put together: later segments of its flow may still join it. */
struct net_pending {
    struct net_tx_packet packet;
    struct net_flow flow;
    bool flow_known, joined;
    uint16_t segment; /* payload of each segment in it */
    uint32_t payload;
};

struct net_queue {
    struct net_if *nif;
    struct net_tx tx;
    struct net_rx rx;
    void *tx_shared, *rx_shared;
    gk_gref tx_ref, rx_ref;
    uint32_t port; /* for both directions */
    struct net_buf *rx_buf[NET_SLOTS];
    struct net_tx_page tx_page[NET_SLOTS];
    struct net_pending pending;
    struct net_gather gather;
    bool kick, starved; /* an event is owed; a sender found no room */
};

struct net_if {
    struct netif netif; /* its `state` is this */
    struct net_if *next;
    struct gk_xb_dev dev;
    struct gk_xs_watch *watch;
    unsigned int index; /* of device/vif/<index> */
    bool connected, dead, added;
    bool checksum, gso; /* the back-end takes blank checksums, big segments */
    unsigned int sg;    /* fragments of a packet that it takes */
    unsigned int queue_count, rx_target;
    struct net_queue *queue[NET_QUEUES_MAX];
    struct net_buf *bufs, *stuck; /* free; still held by the back-end */
    unsigned int buf_count, buf_limit;
    uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped;
};

/* ---- front.c ---- */

/* Makes a queue's rings and buffers, not yet known to the back-end. 0 or an error. */
int net_queue_open(struct net_queue *queue);
/* Ends all grants; what the back-end still holds is left behind. */
void net_queue_close(struct net_queue *queue);
/* Where more packets are likely to come at once, waits for them; all threads stand still. */
void net_queue_gather(struct net_queue *queue);
/* Hands received packets to lwIP, at most `budget`; true: there is more. */
bool net_queue_poll(struct net_queue *queue, unsigned int budget);
/* Sends what is pending. */
void net_queue_flush(struct net_queue *queue);
/* True: something came in since the last poll, and no event will tell. */
bool net_queue_arm(struct net_queue *queue);
/* lwIP's linkoutput. */
err_t net_output(struct netif *netif, struct pbuf *packet);
/* The back-end lied: says so, and the interface is dead until it is set up anew. */
void net_if_die(struct net_if *nif, const char *why);

/* ---- setup.c ---- */

/* Looks for interfaces now and whenever xenstore changes. May block. */
int net_setup_start(void);

/* ---- stack.c ---- */

extern struct net_if *net_ifs;
/* Something happened: the net thread looks at all interfaces. From anywhere. */
void net_kick(void);

/* ---- config.c ---- */

/* Gives a connected interface its address for the first time; may block. */
void net_config(struct net_if *nif);

#endif
