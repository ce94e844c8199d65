/* The console ring (see ring.h). */
#include "consoled/ring.h"

#include <errno.h>
#include <string.h>

#include "abi/abi.h"
#include <xen/io/console.h>

_Static_assert(sizeof(((struct xencons_interface *)0)->out) == CONS_OUT, "xen/io/console.h");
_Static_assert(sizeof(((struct xencons_interface *)0)->in) == CONS_IN, "xen/io/console.h");

static uint32_t load(const uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/*
 * Our index first, then the guest's looked at again (by its next event): the guest does the same
 * the other way round, so one of us sees what the other did.
 */
static void store(uint32_t *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint32_t cons_ring_first(const struct xencons_interface *page)
{
    uint32_t prod = load(&page->out_prod), cons = load(&page->out_cons);
    return prod - cons <= CONS_OUT ? cons : prod;
}

void cons_ring_init(struct cons_ring *r, struct xencons_interface *page, uint32_t out_cons)
{
    /* Any value will do for in_prod: a wrong one is the guest's own doing, and C1 bounds it. */
    *r = (struct cons_ring){.page = page, .out_cons = out_cons, .in_prod = load(&page->in_prod)};
    store(&page->out_cons, out_cons);
}

int cons_ring_waiting(const struct cons_ring *r)
{
    uint32_t n = load(&r->page->out_prod) - r->out_cons;
    return n > CONS_OUT ? -EPROTO : (int)n;
}

void cons_ring_peek(const struct cons_ring *r, char *to, uint32_t len)
{
    uint32_t at = r->out_cons % CONS_OUT;
    uint32_t first = len < CONS_OUT - at ? len : CONS_OUT - at;
    memcpy(to, r->page->out + at, first);
    memcpy(to + first, r->page->out, len - first);
    /* No compiler may read the page again for what is used from now on. */
    __asm__ volatile("" ::: "memory");
}

void cons_ring_taken(struct cons_ring *r, uint32_t len)
{
    r->out_cons += len;
    store(&r->page->out_cons, r->out_cons);
}

int cons_ring_room(const struct cons_ring *r)
{
    uint32_t used = r->in_prod - load(&r->page->in_cons);
    return used > CONS_IN ? -EPROTO : (int)(CONS_IN - used);
}

void cons_ring_put(struct cons_ring *r, const char *from, uint32_t len)
{
    uint32_t at = r->in_prod % CONS_IN;
    uint32_t first = len < CONS_IN - at ? len : CONS_IN - at;
    memcpy(r->page->in + at, from, first);
    memcpy(r->page->in, from + first, len - first);
    r->in_prod += len;
    store(&r->page->in_prod, r->in_prod);
}
