/* Handles: the mapping side's list of what it has mapped. */
#include "core/gnt/gnt_private.h"

#include "core/frame/page.h"
#include "port/stop.h"

#define PER_PAGE (FRAME_SIZE / sizeof(struct gnt_track))

/*
 * Pages of slots stay. A slot is one word: whoever has taken it off the free list stores it whole,
 * after that it changes by compare-exchange, so that only the free list needs the lock.
 */
_Static_assert(sizeof(struct gnt_track) == 8, "a slot is one word");

static struct gnt_track *slot(struct domain *d, uint32_t handle)
{
    return &d->gnt.track[handle / PER_PAGE][handle % PER_PAGE];
}

/* One page more of free slots. */
static bool grow(struct domain *d) NEEDS(d->gnt.track_lock)
{
    struct gnt_table *g = &d->gnt;
    struct gnt_track *page;

    if (g->nr_track >= g->max_track || !(page = hv_page_alloc()))
        return false;
    for (uint32_t i = 0; i < PER_PAGE; i++)
        page[i].ref = i + 1 < PER_PAGE ? g->nr_track + i + 1 : g->track_free;
    g->track[g->nr_track / PER_PAGE] = page;
    g->track_free = g->nr_track;
    __atomic_store_n(&g->nr_track, g->nr_track + (uint32_t)PER_PAGE, __ATOMIC_RELEASE);
    return true;
}

static void put_back(struct domain *d, uint32_t handle) NEEDS(d->gnt.track_lock)
{
    *slot(d, handle) = (struct gnt_track){.ref = d->gnt.track_free};
    d->gnt.track_free = handle;
    d->gnt.mappings--;
}

uint32_t track_alloc(struct domain *d)
{
    uint32_t handle = GNT_NO_HANDLE;

    lock_take(&d->gnt.track_lock);
    if (likely(d->gnt.track_free != GNT_NO_HANDLE) || grow(d)) {
        handle = d->gnt.track_free;
        d->gnt.track_free = slot(d, handle)->ref;
        d->gnt.mappings++;
    }
    lock_drop(&d->gnt.track_lock);
    return handle;
}

void track_fill(struct domain *d, uint32_t handle, domid_t domid, uint32_t ref, uint16_t flags)
{
    struct gnt_track t = {.ref = ref, .domid = domid, .flags = flags};

    __atomic_store(slot(d, handle), &t, __ATOMIC_RELEASE);
}

void track_cancel(struct domain *d, uint32_t handle)
{
    lock_take(&d->gnt.track_lock);
    put_back(d, handle);
    lock_drop(&d->gnt.track_lock);
}

int track_claim(struct domain *d, uint32_t handle, unsigned int want, struct gnt_track *was)
{
    struct gnt_track *t, next;

    if (unlikely(handle >= __atomic_load_n(&d->gnt.nr_track, __ATOMIC_ACQUIRE)))
        return -1;
    t = slot(d, handle);
    __atomic_load(t, was, __ATOMIC_ACQUIRE);
    for (;;) {
        unsigned int moved = was->flags & GNT_LIVE & want;

        if (unlikely(!(was->flags & (GNT_LIVE | GNT_BUSY))))
            return -1;
        next = *was;
        next.flags = (uint16_t)((was->flags & ~moved) | moved << GNT_BUSY_SHIFT);
        if (likely(__atomic_compare_exchange(t, was, &next, false, __ATOMIC_ACQ_REL,
                                             __ATOMIC_ACQUIRE)))
            return (int)moved;
    }
}

void track_settle(struct domain *d, uint32_t handle, unsigned int done, unsigned int failed)
{
    struct gnt_track *t = slot(d, handle), was, next;

    __atomic_load(t, &was, __ATOMIC_ACQUIRE);
    do {
        next = was;
        next.flags = (uint16_t)((was.flags & ~((done | failed) << GNT_BUSY_SHIFT)) | failed);
    } while (!__atomic_compare_exchange(t, &was, &next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    if (next.flags & (GNT_LIVE | GNT_BUSY))
        return;
    lock_take(&d->gnt.track_lock);
    put_back(d, handle);
    lock_drop(&d->gnt.track_lock);
}
