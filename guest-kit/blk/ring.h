/*
 * A block ring's indices, <xen/io/blkif.h> and <xen/io/ring.h>, and which requests are under way.
 * Pure: nothing of the other side's is believed. A response is copied once, then judged.
 */
#ifndef BLK_RING_H
#define BLK_RING_H

#include "start/xen.h"
#include <xen/io/blkif.h>

#define BLK_RING_SLOTS 32 /* of a ring of one page */

struct blk_ring {
    struct blkif_sring *shared;
    uint32_t produced; /* requests, published or not */
    uint32_t consumed; /* responses */
    uint32_t published;
};

/* A fresh shared page, zeroed by the caller. */
void blk_ring_init(struct blk_ring *r, struct blkif_sring *shared);
/* How many more requests fit: those without a response count as there. */
static inline unsigned int blk_ring_room(const struct blk_ring *r)
{
    return BLK_RING_SLOTS - (r->produced - r->consumed);
}
/* Puts one request (of any kind, in blkif_request_t's size) in. Needs room. */
void blk_ring_put(struct blk_ring *r, const blkif_request_t *request);
/* Makes what was put visible; true: the other side wants an event. */
bool blk_ring_publish(struct blk_ring *r);
/* 1 and a response; 0: no more, and an event will come for the next; -1: the indices are
 * impossible. */
int blk_ring_take(struct blk_ring *r, blkif_response_t *response);

#endif
