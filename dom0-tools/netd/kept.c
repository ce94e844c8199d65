/*
 * The kept state of an interface (see kept.h). Pure.
 */
#include "netd/kept.h"

#include <string.h>

enum { MAGIC = 0x414e4b31 }; /* changes with the layout */

/* A killed process has done its stores in the order of the program: only the compiler is held. */
static void in_order(void)
{
    __asm__ volatile("" ::: "memory");
}

void kept_begin(struct kept_file *f, uint32_t domid, const struct kept_rings *rings)
{
    f->magic = 0;
    in_order();
    f->domid = domid;
    f->rings = *rings;
    for (unsigned i = 0; i < KEPT_QUEUES; i++)
        f->queue[i].tx.shown = f->queue[i].tx.to = f->queue[i].rx.shown = f->queue[i].rx.to = 0;
    in_order();
    f->magic = MAGIC;
}

bool kept_fits(const struct kept_file *f, uint32_t domid, const struct kept_rings *rings)
{
    return f->magic == MAGIC && f->domid == domid && memcmp(&f->rings, rings, sizeof *rings) == 0;
}

void kept_add(struct kept_ring *k, uint32_t *next, const void *rsp, uint32_t len)
{
    memcpy(k->rsp[(*next)++ % KEPT_SLOTS], rsp, len);
}

bool kept_answer(struct kept_ring *k, uint32_t next, struct ring *r, uint32_t len)
{
    if (next == r->prod)
        return false;
    in_order();
    k->to = next;
    in_order();
    while (r->prod != next)
        ring_answer(r, k->rsp[r->prod % KEPT_SLOTS], len);
    bool notify = ring_show(r);
    in_order();
    k->shown = next;
    return notify;
}

bool kept_recover(struct kept_ring *k, struct ring *r, uint32_t len)
{
    uint32_t page = __atomic_load_n(&r->head->rsp_prod, __ATOMIC_ACQUIRE);
    if (k->to - k->shown > r->slots || r->slots > KEPT_SLOTS)
        return false;
    if (page == k->to)
        k->shown = k->to;
    r->cons = k->to;
    r->prod = r->shown = k->shown;
    (void)!kept_answer(k, k->to, r, len); /* the guest is notified after a recovery in any case */
    return true;
}
