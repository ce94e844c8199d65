/* A domain's grant table: made, grown, looked through, given back. */
#include "core/gnt/gnt_private.h"
#include "core/gnt/map.h"

#include "core/frame/page.h"
#include "port/log.h"

#define TRACK_PER_PAGE (FRAME_SIZE / sizeof(struct gnt_track))

static int grow_locked(struct domain *d, uint32_t nr) NEEDS(d->gnt.lock)
{
    struct gnt_table *g = &d->gnt;

    if (nr > g->max_frames)
        return GNTST_general_error;
    while (g->nr_frames < nr) {
        struct grant_entry_v1 *frame = hv_page_alloc();

        if (!frame)
            return GNTST_general_error;
        frame_share(ptr_mfn(frame), d, true);
        g->shared[g->nr_frames] = frame;
        /* Partner: gnt_entry() reads the count, then the frame. */
        __atomic_store_n(&g->nr_frames, g->nr_frames + 1, __ATOMIC_RELEASE);
    }
    return GNTST_okay;
}

int gnt_grow(struct domain *d, uint32_t nr)
{
    lock_take(&d->gnt.lock);
    int rc = grow_locked(d, nr);
    lock_drop(&d->gnt.lock);
    return rc;
}

int gnt_domain_init(struct domain *d, int32_t max_frames, int32_t max_track_frames)
{
    struct gnt_table *g = &d->gnt;

    lock_init(&g->lock, RANK_GNT, "gnt");
    lock_init(&g->track_lock, RANK_MAPTRACK, "maptrack");
    g->track_free = GNT_NO_HANDLE;
    if (max_frames < 0)
        max_frames = GNT_MAX_FRAMES;
    if (max_track_frames < 0 || (uint32_t)max_track_frames > GNT_MAX_TRACK_PAGES)
        max_track_frames = GNT_MAX_TRACK_PAGES;
    if ((uint32_t)max_frames > GNT_MAX_FRAMES)
        return -XEN_EINVAL;
    g->max_frames = max_frames ? (uint32_t)max_frames : 1;
    g->max_track = (uint32_t)max_track_frames * (uint32_t)TRACK_PER_PAGE;
    /* One page has the pointers to both: 128 pages of active entries, 384 of handles. */
    _Static_assert(GNT_MAX_FRAMES * 2 + GNT_MAX_TRACK_PAGES == FRAME_SIZE / sizeof(void *), "");
    g->active = hv_page_alloc();
    if (!g->active)
        return -XEN_ENOMEM;
    g->track = (struct gnt_track **)(g->active + GNT_MAX_FRAMES * 2);
    return gnt_grow(d, 1) ? -XEN_ENOMEM : 0;
}

void gnt_domain_destroy(struct domain *d)
{
    struct gnt_table *g = &d->gnt;

    struct gnt_active **pages = g->active;
    uint32_t frames = g->nr_frames;

    if (!pages)
        return;
    /* From here on it has no references for anyone who still holds the domain. */
    lock_take(&g->lock);
    __atomic_store_n(&g->nr_frames, 0, __ATOMIC_RELEASE);
    g->max_frames = 0;
    g->active = NULL;
    lock_drop(&g->lock);
    for (uint32_t i = 0; i < frames; i++)
        frame_unshare(ptr_mfn(g->shared[i]), d);
    for (uint32_t i = 0; i < FRAME_SIZE / sizeof(*pages); i++)
        hv_page_free(pages[i]); /* handles' pages follow in the same array */
    hv_page_free(pages);
    g->track = NULL;
    g->nr_track = g->max_track = 0;
    g->track_free = GNT_NO_HANDLE;
}

mfn_t gnt_frame(struct domain *d, uint32_t i)
{
    if (i >= GNT_MAX_FRAMES || gnt_grow(d, i + 1))
        return MFN_NONE;
    return ptr_mfn(d->gnt.shared[i]);
}

uint32_t gnt_frames(const struct domain *d)
{
    return __atomic_load_n(&d->gnt.nr_frames, __ATOMIC_ACQUIRE);
}

int gnt_swap(struct domain *d, uint32_t a, uint32_t b)
{
    int rc = GNTST_okay;

    lock_take(&d->gnt.lock);
    struct grant_entry_v1 *ea = gnt_entry(d, a), *eb = gnt_entry(d, b);
    if (!ea || !eb) {
        rc = GNTST_bad_gntref;
    } else if (a != b) {
        const struct gnt_active *aa = gnt_active(d, a), *ab = gnt_active(d, b);

        if ((aa && gnt_pins(aa)) || (ab && gnt_pins(ab))) {
            rc = GNTST_eagain;
        } else {
            uint64_t t = __atomic_load_n((uint64_t *)(void *)ea, __ATOMIC_RELAXED);

            t = __atomic_exchange_n((uint64_t *)(void *)eb, t, __ATOMIC_RELAXED);
            __atomic_store_n((uint64_t *)(void *)ea, t, __ATOMIC_RELAXED);
        }
    }
    lock_drop(&d->gnt.lock);
    return rc;
}

/* ---- audit ---------------------------------------------------------------------------------- */

static unsigned int wrong(bool bad, const struct domain *d, uint32_t n, const char *what)
{
    if (bad)
        log_err("gnt: d%u %u: %s\n", d->id, n, what);
    return bad;
}

/* Pins of d's grants that d2's handles account for; each handle's own entry must have them. */
static unsigned int audit_handles(struct domain *d, struct domain *d2, uint64_t *pins)
{
    unsigned int bad = 0;
    uint32_t used = 0;

    for (uint32_t h = 0; h < d2->gnt.nr_track; h++) {
        const struct gnt_track *t = &d2->gnt.track[h / TRACK_PER_PAGE][h % TRACK_PER_PAGE];
        unsigned int bits = (t->flags | t->flags >> GNT_BUSY_SHIFT) & GNT_LIVE;

        if (!bits)
            continue;
        used++;
        if (t->domid != d->id)
            continue;
        const struct gnt_active *a = gnt_entry(d, t->ref) ? gnt_active(d, t->ref) : NULL;
        uint64_t kinds = gnt_pins_of(bits | (t->flags & GNTMAP_readonly));
        for (unsigned int i = 0; i < PIN_KINDS; i++)
            bad += wrong(kinds >> 16 * i & 1 && (!a || !a->pin[i]), d, t->ref,
                         "mapped without pin (G2)");
        bad += wrong(a && (domid_t)a->frame_user != d2->id, d, t->ref, "wrong grantee (G4)");
        *pins += (unsigned int)__builtin_popcountl(kinds);
    }
    return bad + wrong(used != d2->gnt.mappings, d2, used, "count of handles (G5)");
}

unsigned int gnt_audit(struct domain *d)
{
    unsigned int bad = 0;
    uint64_t counted = 0, pins = 0;

    if (!d->gnt.active)
        return 0;
    for (struct domain *d2 = dom_list; d2; d2 = d2->next)
        if (d2->gnt.active)
            bad += audit_handles(d, d2, &counted);
    for (uint32_t ref = 0; ref < d->gnt.nr_frames * GNT_PER_FRAME; ref++) {
        const struct gnt_active *a = gnt_active(d, ref);
        uint16_t flags = gnt_entry(d, ref)->flags;

        if (!a)
            continue;
        for (unsigned int i = 0; i < PIN_KINDS; i++)
            pins += a->pin[i];
        bad += wrong(!gnt_pins(a) != !a->frame_user, d, ref, "frame without pins (G1)");
        /* The guest may write its flags as it likes: only worth a line, not a violation. */
        if (gnt_pins(a) && !(flags & GTF_reading))
            log_debug("gnt: d%u %u: in use, but its flags do not say so\n", d->id, ref);
    }
    return bad + wrong(pins != counted, d, (uint32_t)pins, "pins without handles (G2)");
}

void gnt_dump(struct domain *d)
{
    log_info("d%u: %u grant frames of %u, %u handles in use\n", d->id, d->gnt.nr_frames,
             d->gnt.max_frames, d->gnt.mappings);
    if (!d->gnt.active)
        return;
    for (uint32_t ref = 0; ref < d->gnt.nr_frames * GNT_PER_FRAME; ref++) {
        const struct gnt_active *a = gnt_active(d, ref);

        if (a && gnt_pins(a))
            log_info("  ref %u: d%u frame %llx host %u/%u device %u/%u flags %x\n", ref,
                     (domid_t)a->frame_user, (unsigned long long)(a->frame_user >> 16),
                     a->pin[PIN_HOST_R], a->pin[PIN_HOST_W], a->pin[PIN_DEV_R], a->pin[PIN_DEV_W],
                     gnt_entry(d, ref)->flags);
    }
}
