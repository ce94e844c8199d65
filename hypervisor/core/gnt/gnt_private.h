/*
 * What the files of grant tables share.
 *
 *   G1  an active entry with pins holds one reference to its frame, which it names
 *   G2  the pins of a reference are as many as there are uses: mappings in the maptracks (one for
 *       the host, one for devices, each reading or writing) and copies that are under way
 *   G3  GTF_reading is set in a shared entry while it has pins, GTF_writing while one of them
 *       writes; both change under the same lock as the pins (C4)
 *   G4  while an entry has pins, frame and grantee are those of the active entry, whatever the
 *       guest writes into the shared one (C6)
 *   G5  a handle is free, or has GNT_LIVE or GNT_BUSY bits; a pin is dropped by whoever has moved
 *       its bit from live to busy, once
 *
 * Lock order: granting side's lock (RANK_GNT), mapping side's track_lock (RANK_MAPTRACK); never two
 * of one kind. Neither is held while page tables change.
 */
#ifndef CORE_GNT_PRIVATE_H
#define CORE_GNT_PRIVATE_H

#include "core/dom/domain.h"
#include "core/frame/frame.h"

/* Kinds of pins; a set of them is a bit mask. */
enum { PIN_HOST_R, PIN_HOST_W, PIN_DEV_R, PIN_DEV_W, PIN_KINDS };

/* One pin of a kind, as it stands in the word of all counts: sums of these say which uses are
 * meant. */
#define PIN_ONE(kind) (1ul << (16 * (kind)))
#define PIN_WRITERS   ((PIN_ONE(PIN_HOST_W) | PIN_ONE(PIN_DEV_W)) * UINT16_MAX)

struct gnt_active {
    union {
        uint16_t pin[PIN_KINDS];
        uint64_t pins; /* all of them in one word */
    };
    uint64_t frame_user; /* frame << 16 | domid of the grantee; 0 without pins */
};

_Static_assert(sizeof(struct gnt_active) * GNT_ACTIVE_PER_PAGE == FRAME_SIZE, "a page of them");

static inline uint64_t gnt_pins(const struct gnt_active *a)
{
    return a->pins;
}

/* The one check of a reference (C8): NULL when it is out of the table as it is now. */
static inline struct grant_entry_v1 *gnt_entry(const struct domain *d, uint32_t ref)
{
    uint32_t frames = __atomic_load_n(&d->gnt.nr_frames, __ATOMIC_ACQUIRE);
    uint32_t frame = ref / GNT_PER_FRAME;

    if (unlikely(frame >= frames))
        return NULL;
    return &d->gnt.shared[index_clamp(frame, frames)][ref % GNT_PER_FRAME];
}

static inline struct gnt_active **gnt_active_page(const struct domain *d, uint32_t ref)
{
    const uint64_t pages = GNT_MAX_FRAMES * GNT_PER_FRAME / GNT_ACTIVE_PER_PAGE;

    return &d->gnt.active[index_clamp(ref / GNT_ACTIVE_PER_PAGE, pages)];
}

/* Of a reference that gnt_entry() accepts; NULL: it was never in use. */
static inline struct gnt_active *gnt_active(const struct domain *d, uint32_t ref)
{
    struct gnt_active *page = *gnt_active_page(d, ref);

    return page ? &page[ref % GNT_ACTIVE_PER_PAGE] : NULL;
}

/*
 * entry.c: `user` starts to use d's grant `ref` in the given ways; its frame goes to *m. GNTST_okay
 * or another GNTST_*, then nothing has changed.
 */
NODISCARD int gnt_pin(struct domain *d, uint32_t ref, domid_t user, uint64_t pins, mfn_t *m);
/* Ends such uses. */
void gnt_unpin(struct domain *d, uint32_t ref, uint64_t pins);

/* ---- map.c: handles ------------------------------------------------------------------------- */

#define GNT_LIVE       (GNTMAP_host_map | GNTMAP_device_map)
#define GNT_BUSY_SHIFT 8
#define GNT_BUSY       (GNT_LIVE << GNT_BUSY_SHIFT) /* the same bits while being unmapped */

struct gnt_track {
    uint32_t ref; /* free: the next free slot */
    domid_t domid;
    uint16_t flags; /* GNTMAP_* (bits 0-4), GNT_BUSY bits */
};

/* The pins that a mapping with these flags needs for its host and device halves. */
static inline uint64_t gnt_pins_of(unsigned int flags)
{
    uint64_t pins = (flags & GNTMAP_host_map ? PIN_ONE(PIN_HOST_R) : 0) |
                    (flags & GNTMAP_device_map ? PIN_ONE(PIN_DEV_R) : 0);

    return flags & GNTMAP_readonly ? pins : pins << 16;
}
_Static_assert(PIN_HOST_W == PIN_HOST_R + 1 && PIN_DEV_W == PIN_DEV_R + 1,
               "writers lie above readers");

#endif
