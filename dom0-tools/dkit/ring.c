/*
 * The back-end's side of a shared ring (see ring.h).
 */
#include "dkit/ring.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct ring_head) == 64, "xen/io/ring.h: slots begin at byte 64");

static uint8_t *slot(const struct ring *r, uint32_t index)
{
    return (uint8_t *)(r->head + 1) + (size_t)(index & (r->slots - 1)) * r->stride;
}

void ring_init(struct ring *r, void *pages, uint32_t bytes, uint32_t stride)
{
    uint32_t fit = (bytes - (uint32_t)sizeof(struct ring_head)) / stride;
    *r = (struct ring){.head = pages, .slots = 1u << highest_bit(fit), .stride = stride};
}

int ring_waiting(const struct ring *r)
{
    uint32_t theirs = __atomic_load_n(&r->head->req_prod, __ATOMIC_ACQUIRE);
    uint32_t waiting = theirs - r->cons;
    /* Not answered yet and waiting share the slots; prod <= cons always (R3). */
    if (waiting > r->slots || theirs - r->prod > r->slots)
        return -EPROTO;
    return (int)waiting;
}

void ring_take(struct ring *r, void *to, uint32_t len)
{
    memcpy(to, slot(r, r->cons), len);
    /* No compiler may read the page again for what is used from now on. */
    __asm__ volatile("" ::: "memory");
    r->cons++;
}

void ring_answer(struct ring *r, const void *from, uint32_t len)
{
    memcpy(slot(r, r->prod), from, len);
    r->prod++;
}

bool ring_show(struct ring *r)
{
    uint32_t old = r->shown;
    r->shown = r->prod;
    __atomic_store_n(&r->head->rsp_prod, r->shown, __ATOMIC_RELEASE);
    /* The guest sets rsp_event, then looks at rsp_prod; we do the reverse. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t wish = __atomic_load_n(&r->head->rsp_event, __ATOMIC_RELAXED);
    return r->shown - wish < r->shown - old;
}

bool ring_sleep(struct ring *r)
{
    if (ring_waiting(r) != 0)
        return true; /* also a bad index: the next look finds it */
    __atomic_store_n(&r->head->req_event, r->cons + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return ring_waiting(r) != 0;
}
