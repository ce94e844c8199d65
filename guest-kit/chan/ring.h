/*
 * Inside the channel room: one direction of a channel. Pure.
 *
 *   R1  Our own index is kept here and only ever written to the shared page, never read back.
 *   R2  The peer's index is read once a call; a distance above the ring's size is refused.
 *   R3  Size and place of the bytes are fixed before the first use; the shared page can't move
 * them.
 */
#ifndef CHAN_RING_H
#define CHAN_RING_H

#include "start/xen.h"
#include <xen/io/libxenvchan.h>

struct chan_ring {
    struct ring_shared *shared;
    uint8_t *bytes;
    uint32_t size; /* a power of two */
    uint32_t own;  /* the producer's or consumer's index, whichever is ours */
};

/*
 * Where a ring of 2^order bytes lies in the shared page: 1 KiB at 1024 or 2 KiB at 2048. False: not
 * in this page.
 */
bool chan_ring_place(struct chan_ring *r, struct vchan_interface *page, struct ring_shared *shared,
                     uint16_t order, uint32_t own);

/* How many bytes went in or came out, 0: full or empty; -1: the peer's index is nonsense. */
long chan_ring_put(struct chan_ring *r, const void *bytes, size_t size);
long chan_ring_get(struct chan_ring *r, void *bytes, size_t size);
/* Is there room, or anything to read (true too when the index is nonsense, for put or get to tell)?
 */
bool chan_ring_can_put(const struct chan_ring *r);
bool chan_ring_can_get(const struct chan_ring *r);

#endif
