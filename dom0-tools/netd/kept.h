/*
 * What of an interface must outlive its process: a file in /run, mapped.
 *
 * Responses overwrite the slots of the requests they answer, so a process that takes over must know
 * which ones were written. Both rings are answered in order, which makes that a number:
 *
 *   K1  the responses from `shown` to `to` are in `rsp` before the first of them is in the ring;
 *       `to` moves by whole packets
 *   K2  `shown` follows when the guest may see them
 *   K3  so after a kill, what is between is written again, unless the ring shows it already; the
 *       requests behind `to` are whole and are taken again
 *
 * Hence a packet may be sent twice, as on any Ethernet, but none of the guest's slots is misread.
 */
#ifndef NETD_KEPT_H
#define NETD_KEPT_H

#include "dkit/ring.h"

enum { KEPT_QUEUES = 8, KEPT_SLOTS = 512, KEPT_RSP = 8 };

struct kept_ring {
    uint32_t shown, to;
    uint8_t rsp[KEPT_SLOTS][KEPT_RSP];
};

/* A front-end's rings, as its nodes tell. */
struct kept_rings {
    uint32_t nr_queues;
    uint32_t tx_ref[KEPT_QUEUES], rx_ref[KEPT_QUEUES];
    uint32_t tx_port[KEPT_QUEUES], rx_port[KEPT_QUEUES]; /* the same: one channel for both */
};

struct kept_file {
    uint32_t magic; /* last to be written */
    uint32_t domid;
    struct kept_rings rings;
    struct {
        struct kept_ring tx, rx;
    } queue[KEPT_QUEUES];
};

void kept_begin(struct kept_file *f, uint32_t domid, const struct kept_rings *rings);
bool kept_fits(const struct kept_file *f, uint32_t domid, const struct kept_rings *rings) NODISCARD;

/*
 * Keeps a response of `len` bytes (at most KEPT_RSP) as number *next, which it moves on. It counts
 * only from kept_answer() on: a packet's responses count together or not at all.
 */
void kept_add(struct kept_ring *k, uint32_t *next, const void *rsp, uint32_t len);
/* Writes those before `next` into the ring, in order, and shows them. True: notify the guest. */
bool kept_answer(struct kept_ring *k, uint32_t next, struct ring *r, uint32_t len) NODISCARD;
/* After a kill: sets the ring's positions (K3). False: the file is damaged. */
bool kept_recover(struct kept_ring *k, struct ring *r, uint32_t len) NODISCARD;

#endif
