/*
 * The two rings of a network queue: indices and responses, checked. Pure: no grants, no events.
 *
 * The other side of the shared pages is not trusted. Every word of theirs is read once into a
 * local, checked, and only the local used; what cannot be true is reported as -XEN_EIO, after
 * which the caller gives the device up. net_tx_audit() and net_rx_audit() say what always holds.
 */
#ifndef GUEST_KIT_NET_RING_H
#define GUEST_KIT_NET_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/io/netif.h>

#define NET_SLOTS     256 /* of either ring, in its one page */
#define NET_FRAGS     XEN_NETIF_NR_SLOTS_MIN
#define NET_MAX_BYTES 65535U
#define NET_PAGE      4096U

/* ---- sending ---- */

/*
 * An id names a request until its response; who owns the id owns the buffer that goes with it.
 *   T1  ids in use + extras == req_prod - rsp_cons, the slots that are out, at most NET_SLOTS
 *   T2  the free list holds each id that is neither in use nor held by the caller, once
 */
enum net_id_state { NET_ID_FREE, NET_ID_HELD, NET_ID_OUT };
struct net_tx {
    struct netif_tx_sring *shared;
    uint32_t req_prod, rsp_cons;
    uint32_t out, extras; /* ids and extra slots that wait for a response */
    uint32_t errors;      /* packets' parts that the other side refused */
    uint16_t free_count, free[NET_SLOTS];
    uint8_t state[NET_SLOTS];
};

/* Starts with an empty ring in the page `shared`, which this zeroes. */
void net_tx_init(struct net_tx *tx, void *shared);
/* An id to fill a buffer for, or -1: all are out. net_tx_put_back() if it is not sent after all. */
int net_tx_take_id(struct net_tx *tx);
void net_tx_put_back(struct net_tx *tx, unsigned int id);

struct net_tx_part {
    uint16_t id, length;
    uint32_t ref;
};
struct net_tx_packet {
    struct net_tx_part part[NET_FRAGS];
    unsigned int count;    /* of parts, at least 1 */
    unsigned int total;    /* bytes */
    uint16_t flags;        /* NETTXF_csum_blank | NETTXF_data_validated or 0 */
    uint16_t segment_size; /* of a TCPv4 packet to be cut up; 0: send as it is */
};
/* Is there room for a packet of `count` parts (and an extra slot)? */
bool net_tx_room(const struct net_tx *tx, unsigned int count);
/* Puts the packet's requests into the ring, unseen until net_tx_publish(). Needs room. */
void net_tx_put(struct net_tx *tx, const struct net_tx_packet *packet);
/* Shows what was put; true: the other side wants an event. */
bool net_tx_publish(struct net_tx *tx);
/* Takes responses; their ids are free. Returns how many, or -XEN_EIO. */
int net_tx_reap(struct net_tx *tx);
/* Asks for an event at the next response; true: one is there already. */
bool net_tx_arm(struct net_tx *tx);
bool net_tx_audit(const struct net_tx *tx);

/* ---- receiving ---- */

/*
 * A response comes in the slot of its request, so a slot names a buffer.
 *   R1  req_prod - rsp_cons, the slots that are out, at most NET_SLOTS
 */
struct net_rx {
    struct netif_rx_sring *shared;
    uint32_t req_prod, rsp_cons;
};
struct net_rx_frag {
    uint16_t slot, offset, length;
};
struct net_rx_packet {
    uint32_t first;     /* ring index of its first slot; */
    unsigned int slots; /* it took this many, those without data included */
    unsigned int count; /* of fragments with data */
    unsigned int total; /* bytes */
    bool bad;           /* refused by the sender, or beyond a limit: to be dropped */
    bool checked;       /* its checksum is known to be right, or not filled in: do not look */
    struct net_rx_frag frag[NET_FRAGS];
};

void net_rx_init(struct net_rx *rx, void *shared);
/* The slot that net_rx_post() will use next, or -1: all are out. */
int net_rx_next(const struct net_rx *rx);
void net_rx_post(struct net_rx *rx, uint32_t ref);
bool net_rx_publish(struct net_rx *rx);
/* The next whole packet: 1; none yet: 0; or -XEN_EIO. Slots of a packet are the caller's again. */
int net_rx_take(struct net_rx *rx, struct net_rx_packet *packet);
/* Responses that are there and were not taken. */
unsigned int net_rx_there(const struct net_rx *rx);
/* Asks for an event once `ahead` (> 0) responses are there; true: they are already. */
bool net_rx_arm(struct net_rx *rx, unsigned int ahead);
bool net_rx_audit(const struct net_rx *rx);

#endif
