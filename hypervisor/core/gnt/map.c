/*
 * The mapping side: handles (the list of what a domain has mapped), mapping granted frames,
 * unmapping them, and giving up all that a dying domain has mapped.
 */
#include "core/gnt/map.h"

#include "core/frame/page.h"
#include "core/gnt/gnt_private.h"
#include "core/pgtype/pgtype.h"

#define RELEASE_STEP 32u

/* ---- handles -------------------------------------------------------------------------------- */

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

static void put_back(struct domain *d, uint32_t handle)
{
    lock_take(&d->gnt.track_lock);
    *slot(d, handle) = (struct gnt_track){.ref = d->gnt.track_free};
    d->gnt.track_free = handle;
    d->gnt.mappings--;
    lock_drop(&d->gnt.track_lock);
}

/* A slot that nobody else can use yet; GNT_NO_HANDLE: none left. */
static uint32_t track_alloc(struct domain *d)
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

/* It now is this mapping. */
static void track_fill(struct domain *d, uint32_t handle, domid_t domid, uint32_t ref,
                       uint16_t flags)
{
    struct gnt_track t = {.ref = ref, .domid = domid, .flags = flags};

    __atomic_store(slot(d, handle), &t, __ATOMIC_RELEASE);
}

/*
 * Moves those of the bits `want` that are live to busy; what the slot was before goes to *was.
 * Returns the bits moved; -1: no such handle.
 */
static int track_claim(struct domain *d, uint32_t handle, unsigned int want, struct gnt_track *was)
{
    uint32_t slots = __atomic_load_n(&d->gnt.nr_track, __ATOMIC_ACQUIRE);
    struct gnt_track *t, next;

    if (unlikely(handle >= slots))
        return -1;
    t = slot(d, (uint32_t)index_clamp(handle, slots));
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

/* The bits `done` are unmapped for good, the bits `failed` live again. */
static void track_settle(struct domain *d, uint32_t handle, unsigned int done, unsigned int failed)
{
    struct gnt_track *t = slot(d, handle), was, next;

    __atomic_load(t, &was, __ATOMIC_ACQUIRE);
    /* With no live bit left nobody else moves one: the slot is ours alone. */
    if (likely((was.flags & (GNT_LIVE | GNT_BUSY)) == done << GNT_BUSY_SHIFT)) {
        put_back(d, handle);
        return;
    }
    do {
        next = was;
        next.flags = (uint16_t)((was.flags & ~((done | failed) << GNT_BUSY_SHIFT)) | failed);
    } while (!__atomic_compare_exchange(t, &was, &next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    if (!(next.flags & (GNT_LIVE | GNT_BUSY)))
        put_back(d, handle);
}

/* ---- mapping -------------------------------------------------------------------------------- */

static unsigned int pte_flags(unsigned int flags)
{
    return (flags & GNTMAP_contains_pte ? PGT_GRANT_PTE : 0) |
           (flags & GNTMAP_readonly ? PGT_GRANT_READONLY : 0) |
           (flags & GNTMAP_application_map ? PGT_GRANT_USER : 0);
}

int gnt_map(struct vcpu *v, struct domain *from, struct gnttab_map_grant_ref *op)
{
    struct domain *d = v->dom;
    mfn_t m;

    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map)))
        return GNTST_bad_gntref;
    uint32_t handle = track_alloc(d);
    if (handle == GNT_NO_HANDLE)
        return GNTST_no_device_space;
    uint64_t pins = gnt_pins_of(op->flags);
    int rc = gnt_pin(from, op->ref, d->id, pins, &m);
    if (!rc && op->flags & GNTMAP_host_map &&
        pgt_grant_map(v, from, m, op->host_addr, op->flags >> _GNTMAP_guest_avail0 & 7,
                      pte_flags(op->flags))) {
        gnt_unpin(from, op->ref, pins);
        rc = GNTST_general_error;
    }
    if (rc) {
        put_back(d, handle);
        return rc;
    }
    track_fill(d, handle, from->id, op->ref, op->flags & 0x1f);
    op->handle = handle;
    op->dev_bus_addr = mfn_maddr(m);
    return GNTST_okay;
}

/* The halves that are claimed and could be cleared go to u->done. */
static int clear(struct vcpu *v, const struct gnttab_unmap_grant_ref *op, unsigned int claimed,
                 const struct gnt_track *was, struct gnt_unmap *u)
{
    mfn_t m = mfn(gnt_active(u->from, was->ref)->frame_user >> 16);

    if (claimed & GNTMAP_host_map) {
        if (pgt_grant_unmap(v, m, op->host_addr, pte_flags(was->flags)))
            return GNTST_general_error;
        u->done = GNTMAP_host_map;
    }
    if (claimed & GNTMAP_device_map) {
        if (op->dev_bus_addr != mfn_maddr(m))
            return GNTST_bad_dev_addr;
        u->done |= GNTMAP_device_map;
    }
    return GNTST_okay;
}

int gnt_unmap_begin(struct vcpu *v, const struct gnttab_unmap_grant_ref *op, struct gnt_unmap *u)
{
    struct domain *d = v->dom;
    unsigned int want =
        (op->host_addr ? GNTMAP_host_map : 0) | (op->dev_bus_addr ? GNTMAP_device_map : 0);
    struct gnt_track was;

    u->done = 0;
    u->from = NULL;
    u->handle = op->handle;
    int claimed = track_claim(d, op->handle, want, &was);
    if (claimed <= 0)
        return claimed ? GNTST_bad_handle
                       : GNTST_okay; /* nothing asked for, or nothing of it left */
    /* Its pins keep the other domain, its table and this entry where they are. */
    u->from = was.domid == d->id ? d : dom_get(was.domid);
    if (unlikely(!u->from)) {
        track_settle(d, op->handle, 0, (unsigned int)claimed);
        return GNTST_bad_domain;
    }
    u->ref = was.ref;
    int rc = clear(v, op, (unsigned int)claimed, &was, u);
    u->failed = (unsigned int)claimed & ~u->done;
    u->pins = gnt_pins_of(u->done | (was.flags & GNTMAP_readonly));
    return rc;
}

void gnt_unmap_finish(struct domain *d, const struct gnt_unmap *u)
{
    if (!u->from)
        return;
    if (u->done)
        gnt_unpin(u->from, u->ref, u->pins);
    track_settle(d, u->handle, u->done, u->failed);
    if (u->from != d)
        dom_put(u->from);
}

/* The page-table entries go with the page tables: nothing runs on them any more. */
static void give_up(struct domain *d, uint32_t handle)
{
    struct gnt_track was;
    int claimed = track_claim(d, handle, GNT_LIVE, &was);

    if (claimed <= 0)
        return;
    struct domain *from = was.domid == d->id ? d : dom_get(was.domid);
    if (from)
        gnt_unpin(from, was.ref,
                  gnt_pins_of((unsigned int)claimed | (was.flags & GNTMAP_readonly)));
    track_settle(d, handle, (unsigned int)claimed, 0);
    if (from && from != d)
        dom_put(from);
}

bool gnt_release_step(struct domain *d)
{
    struct gnt_table *g = &d->gnt;

    for (unsigned int i = 0; i < RELEASE_STEP && g->mappings && g->cursor < g->nr_track; i++)
        give_up(d, g->cursor++);
    return !g->mappings || g->cursor >= g->nr_track;
}
