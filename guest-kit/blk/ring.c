/* The block ring's index arithmetic. Pure. */
#include "blk/ring.h"
#include "libc/string.h"

#define SLOT(i) ((i) & (BLK_RING_SLOTS - 1))

_Static_assert(sizeof(union blkif_sring_entry) == 112 &&
                   (4096 - offsetof(struct blkif_sring, ring)) / 112 >= BLK_RING_SLOTS,
               "a page holds the ring");

void blk_ring_init(struct blk_ring *r, struct blkif_sring *shared)
{
    *r = (struct blk_ring){.shared = shared};
    shared->req_event = shared->rsp_event = 1;
}

void blk_ring_put(struct blk_ring *r, const blkif_request_t *request)
{
    memcpy(&r->shared->ring[SLOT(r->produced)].req, request, sizeof(*request));
    r->produced++;
}

bool blk_ring_publish(struct blk_ring *r)
{
    uint32_t before = r->published, now = r->produced;

    __atomic_store_n(&r->shared->req_prod, now, __ATOMIC_RELEASE);
    r->published = now;
    kit_mb(); /* the new index is visible before req_event is read: pairs with the back-end's own
                 check */
    return now - __atomic_load_n(&r->shared->req_event, __ATOMIC_RELAXED) < now - before;
}

int blk_ring_take(struct blk_ring *r, blkif_response_t *response)
{
    uint32_t there = __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_ACQUIRE);

    if (there == r->consumed) {
        /* Ask for an event, then look again: one that came in between sends none. */
        __atomic_store_n(&r->shared->rsp_event, r->consumed + 1, __ATOMIC_SEQ_CST);
        kit_mb();
        there = __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_ACQUIRE);
        if (there == r->consumed)
            return 0;
    }
    /* No more responses than published requests without one. */
    if (there - r->consumed > r->published - r->consumed)
        return -1;
    memcpy(response, (const void *)&r->shared->ring[SLOT(r->consumed)].rsp, sizeof(*response));
    kit_barrier();
    r->consumed++;
    return 1;
}
