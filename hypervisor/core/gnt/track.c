/* Handles: the mapping side's list of what it has mapped. */
#include "core/gnt/gnt_private.h"

#include "core/frame/page.h"
#include "port/stop.h"

#define PER_PAGE (FRAME_SIZE / sizeof(struct gnt_track))

static struct gnt_track *slot(struct domain *d, uint32_t handle) NEEDS(d->gnt.track_lock)
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
    g->nr_track += (uint32_t)PER_PAGE;
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
    lock_take(&d->gnt.track_lock);
    *slot(d, handle) = (struct gnt_track){.ref = ref, .domid = domid, .flags = flags};
    lock_drop(&d->gnt.track_lock);
}

void track_cancel(struct domain *d, uint32_t handle)
{
    lock_take(&d->gnt.track_lock);
    put_back(d, handle);
    lock_drop(&d->gnt.track_lock);
}

int track_claim(struct domain *d, uint32_t handle, unsigned int want, struct gnt_track *was)
{
    int moved = -1;

    lock_take(&d->gnt.track_lock);
    struct gnt_track *t = handle < d->gnt.nr_track ? slot(d, handle) : NULL;
    if (t && t->flags & (GNT_LIVE | GNT_BUSY)) {
        moved = (int)(t->flags & GNT_LIVE & want);
        *was = *t;
        t->flags = (uint16_t)((t->flags & ~moved) | moved << GNT_BUSY_SHIFT);
    }
    lock_drop(&d->gnt.track_lock);
    return moved;
}

void track_settle(struct domain *d, uint32_t handle, unsigned int done, unsigned int failed)
{
    lock_take(&d->gnt.track_lock);
    struct gnt_track *t = slot(d, handle);
    t->flags = (uint16_t)((t->flags & ~((done | failed) << GNT_BUSY_SHIFT)) | failed);
    if (!(t->flags & (GNT_LIVE | GNT_BUSY)))
        put_back(d, handle);
    lock_drop(&d->gnt.track_lock);
}
