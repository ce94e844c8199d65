/*
 * The back-end's side of a shared ring (xen/io/ring.h): index arithmetic and nothing else, for any
 * size of request. Pure: the page is a guest's, who may write to any word of it at any time.
 *
 *   R1  what the guest writes (req_prod, rsp_event) is read once per use, and checked before it
 *   R2  our positions are here; they are written to the page and never read back from it
 *   R3  cons - prod <= slots: a request is answered once, and only after it was taken
 */
#ifndef DKIT_RING_H
#define DKIT_RING_H

#include "base/bits.h"

/* The first 64 bytes of the shared page; requests and responses follow, in the same slots. */
struct ring_head {
    uint32_t req_prod, req_event; /* guest, ours */
    uint32_t rsp_prod, rsp_event; /* ours, guest */
    uint8_t pad[48];
};

struct ring {
    struct ring_head *head;
    uint32_t slots; /* a power of two */
    uint32_t stride;
    uint32_t cons;  /* next request to take */
    uint32_t prod;  /* next response to write */
    uint32_t shown; /* responses before this one are the guest's to see */
};

/* `stride`: bytes of the larger of request and response. Positions start at 0. */
void ring_init(struct ring *r, void *pages, uint32_t bytes, uint32_t stride);

/* How many requests wait: >= 0, or -EPROTO for an index that no honest guest writes. */
int ring_waiting(const struct ring *r) NODISCARD;
/* Copies `len` bytes (at most a stride) of the next request, and takes it. */
void ring_take(struct ring *r, void *to, uint32_t len);
/* Puts a response of `len` bytes into its slot; not shown yet. */
void ring_answer(struct ring *r, const void *from, uint32_t len);
/* Shows the responses. True: the guest wants to be notified. */
bool ring_show(struct ring *r) NODISCARD;
/* Before sleeping: asks to be notified of the next request. True: there are some already. */
bool ring_sleep(struct ring *r) NODISCARD;

#endif
