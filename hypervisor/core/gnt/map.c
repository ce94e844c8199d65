/* Mapping granted frames, unmapping them, and giving up all that a dying domain has mapped. */
#include "core/gnt/map.h"

#include "core/gnt/gnt_private.h"
#include "core/pgtype/pgtype.h"

#define RELEASE_STEP 32u

static unsigned int pte_flags(unsigned int flags)
{
    return (flags & GNTMAP_contains_pte ? PGT_GRANT_PTE : 0) |
           (flags & GNTMAP_readonly ? PGT_GRANT_READONLY : 0) |
           (flags & GNTMAP_application_map ? PGT_GRANT_USER : 0);
}

int gnt_map(struct vcpu *v, struct pgt_near *near, struct domain *from,
            struct gnttab_map_grant_ref *op)
{
    struct domain *d = v->dom;
    mfn_t m;

    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map)))
        return GNTST_bad_gntref;
    uint32_t handle = track_alloc(d);
    if (handle == GNT_NO_HANDLE)
        return GNTST_no_device_space;
    unsigned int kinds = gnt_kinds(op->flags);
    int rc = gnt_pin(from, op->ref, d->id, kinds, &m);
    if (!rc && op->flags & GNTMAP_host_map &&
        pgt_grant_map(v, near, from, m, op->host_addr, op->flags >> _GNTMAP_guest_avail0 & 7,
                      pte_flags(op->flags))) {
        gnt_unpin(from, op->ref, kinds);
        rc = GNTST_general_error;
    }
    if (rc) {
        track_cancel(d, handle);
        return rc;
    }
    track_fill(d, handle, from->id, op->ref, op->flags & 0x1f);
    op->handle = handle;
    op->dev_bus_addr = mfn_maddr(m);
    return GNTST_okay;
}

int gnt_unmap_begin(struct vcpu *v, struct pgt_near *near, struct gnt_unmap *u)
{
    struct domain *d = v->dom;
    unsigned int want =
        (u->host_addr ? GNTMAP_host_map : 0) | (u->dev_bus_addr ? GNTMAP_device_map : 0);
    struct gnt_track was;

    u->done = 0;
    int claimed = track_claim(d, u->handle, want, &was);
    if (claimed <= 0)
        return claimed ? GNTST_bad_handle
                       : GNTST_okay; /* nothing asked for, or nothing of it left */
    /* Its pins keep the other domain, its table and this entry where they are. */
    u->from = was.domid == d->id ? d : dom_get(was.domid);
    if (!u->from) {
        track_settle(d, u->handle, 0, (unsigned int)claimed);
        return GNTST_bad_domain;
    }
    u->ref = was.ref;
    u->readonly = was.flags & GNTMAP_readonly;
    mfn_t m = mfn(gnt_active(u->from, was.ref)->frame_user >> 16);
    int rc = GNTST_okay;
    if (claimed & GNTMAP_host_map) {
        if (pgt_grant_unmap(v, near, m, u->host_addr, pte_flags(was.flags)))
            rc = GNTST_general_error;
        else
            u->done |= GNTMAP_host_map;
    }
    if (!rc && claimed & GNTMAP_device_map) {
        if (u->dev_bus_addr != mfn_maddr(m))
            rc = GNTST_bad_dev_addr;
        else
            u->done |= GNTMAP_device_map;
    }
    u->failed = (unsigned int)claimed & ~u->done;
    return rc;
}

void gnt_unmap_finish(struct domain *d, struct gnt_unmap *u)
{
    if (!u->from)
        return;
    if (u->done)
        gnt_unpin(u->from, u->ref, gnt_kinds(u->done | (u->readonly ? GNTMAP_readonly : 0)));
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
        gnt_unpin(from, was.ref, gnt_kinds((unsigned int)claimed | (was.flags & GNTMAP_readonly)));
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
