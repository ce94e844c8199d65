/* One grant: read once, decide, pin; and the end of a use. */
#include "core/gnt/gnt_private.h"

#include "core/frame/page.h"
#include "port/stop.h"

#define CLAIM_TRIES 5u /* a guest that keeps changing an entry while it is claimed is told so */

static struct gnt_active *active_make(struct domain *d, uint32_t ref) NEEDS(d->gnt.lock)
{
    struct gnt_active **page = gnt_active_page(d, ref);

    if (unlikely(!*page))
        *page = hv_page_alloc();
    return *page ? &(*page)[ref % GNT_ACTIVE_PER_PAGE] : NULL;
}

/*
 * Checks flags and grantee on one reading and marks them in use, in one step on the word that has
 * both. *old: what they were.
 */
static int claim(struct grant_entry_v1 *e, domid_t user, bool write, uint32_t *old)
{
    uint32_t *word = (uint32_t *)(void *)e;
    uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

    for (unsigned int i = 0; i < CLAIM_TRIES; i++) {
        if ((seen & (GTF_type_mask | GTF_sub_page)) != GTF_permit_access || seen >> 16 != user)
            return GNTST_general_error;
        if (write && seen & GTF_readonly)
            return GNTST_general_error;
        uint32_t marked = seen | GTF_reading | (write ? GTF_writing : 0);
        *old = seen;
        if (__atomic_compare_exchange_n(word, &seen, marked, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

static void unmark(struct grant_entry_v1 *e, uint16_t marks)
{
    if (marks)
        __atomic_and_fetch(&e->flags, (uint16_t)~marks, __ATOMIC_RELEASE);
}

static bool writers(const struct gnt_active *a)
{
    return a->pins & PIN_WRITERS;
}

static bool full(const struct gnt_active *a)
{
    for (unsigned int i = 0; i < PIN_KINDS; i++)
        if (a->pin[i] == UINT16_MAX)
            return true;
    return false;
}

/* The first use: from here on the frame is the one that the entry names now (G1, G4). */
static int begin(struct domain *d, struct grant_entry_v1 *e, struct gnt_active *a, domid_t user)
{
    mfn_t m = mfn(__atomic_load_n(&e->frame, __ATOMIC_RELAXED));

    if (!page_get(m, d))
        return GNTST_bad_page;
    /* Of the hypervisor's shared frames none is granted: a domain's end waits for its own frames.
     */
    if (*frame_word(m) & FRAME_SHARED) {
        page_put(m);
        return GNTST_bad_page;
    }
    a->frame_user = m.n << 16 | user;
    return GNTST_okay;
}

static int pin_locked(struct domain *d, uint32_t ref, domid_t user, uint64_t pins, mfn_t *m)
    NEEDS(d->gnt.lock)
{
    struct grant_entry_v1 *e = gnt_entry(d, ref);
    bool write = pins & PIN_WRITERS;
    uint32_t old = 0;
    int rc = GNTST_okay;

    if (!e)
        return GNTST_bad_gntref;
    struct gnt_active *a = active_make(d, ref);
    if (!a)
        return GNTST_no_space;
    bool first = !gnt_pins(a);
    if (!first && ((domid_t)a->frame_user != user || full(a)))
        return GNTST_general_error;
    if (first || (write && !writers(a)))
        rc = claim(e, user, write, &old);
    if (!rc && first) {
        rc = begin(d, e, a, user);
        if (rc)
            unmark(e, (uint16_t)((GTF_reading | GTF_writing) & ~old));
    }
    if (rc)
        return rc;
    a->pins += pins;
    *m = mfn(a->frame_user >> 16);
    return GNTST_okay;
}

int gnt_pin(struct domain *d, uint32_t ref, domid_t user, uint64_t pins, mfn_t *m)
{
    lock_take(&d->gnt.lock);
    int rc = pin_locked(d, ref, user, pins, m);
    lock_drop(&d->gnt.lock);
    return rc;
}

void gnt_unpin(struct domain *d, uint32_t ref, uint64_t pins)
{
    mfn_t drop = MFN_NONE;

    lock_take(&d->gnt.lock);
    struct grant_entry_v1 *e = gnt_entry(d, ref);
    struct gnt_active *a = gnt_active(d, ref);
    uint16_t marks = 0;
    ASSERT(a && gnt_pins(a));
    a->pins -= pins;
    if (pins & PIN_WRITERS && !writers(a))
        marks |= GTF_writing;
    if (!gnt_pins(a)) {
        drop = mfn(a->frame_user >> 16);
        a->frame_user = 0;
        marks |= GTF_reading;
    }
    unmark(e, marks);
    lock_drop(&d->gnt.lock);
    /* Last and without the lock: with its last frame d itself may go. */
    if (!mfn_eq(drop, MFN_NONE))
        page_put(drop);
}
