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

#define PIN_BIT(kind) (1u << (kind))
#define PIN_WRITERS   (PIN_BIT(PIN_HOST_W) | PIN_BIT(PIN_DEV_W))

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

/* One pin of each of the kinds, as they stand in the word. */
static inline uint64_t gnt_pin_word(unsigned int kinds)
{
    return (kinds & 1) | (uint64_t)(kinds & 2) << 15 | (uint64_t)(kinds & 4) << 30 |
           (uint64_t)(kinds & 8) << 45;
}

#define PIN_WORD_WRITERS 0xffff0000ffff0000UL

/* The one check of a reference (C8): NULL when it is out of the table as it is now. */
static inline struct grant_entry_v1 *gnt_entry(const struct domain *d, uint32_t ref)
{
    uint32_t frame = ref / GNT_PER_FRAME;

    if (unlikely(frame >= __atomic_load_n(&d->gnt.nr_frames, __ATOMIC_ACQUIRE)))
        return NULL;
    return &d->gnt.shared[frame][ref % GNT_PER_FRAME];
}

/* Of a reference that gnt_entry() accepts; NULL: it was never in use. */
static inline struct gnt_active *gnt_active(const struct domain *d, uint32_t ref)
{
    struct gnt_active *page = d->gnt.active[ref / GNT_ACTIVE_PER_PAGE];

    return page ? &page[ref % GNT_ACTIVE_PER_PAGE] : NULL;
}

/*
 * entry.c: `user` starts to use d's grant `ref` in the given ways; its frame goes to *m. GNTST_okay
 * or another GNTST_*, then nothing has changed.
 */
NODISCARD int gnt_pin(struct domain *d, uint32_t ref, domid_t user, unsigned int kinds, mfn_t *m);
/* Ends such uses. */
void gnt_unpin(struct domain *d, uint32_t ref, unsigned int kinds);

/* --- track.c: handles
 * ------------------------------------------------------------------------------ */

#define GNT_LIVE       (GNTMAP_host_map | GNTMAP_device_map)
#define GNT_BUSY_SHIFT 8
#define GNT_BUSY       (GNT_LIVE << GNT_BUSY_SHIFT) /* the same bits while being unmapped */

struct gnt_track {
    uint32_t ref; /* free: the next free slot */
    domid_t domid;
    uint16_t flags; /* GNTMAP_* (bits 0-4), GNT_BUSY bits */
};

/* A slot that nobody else can use yet; GNT_NO_HANDLE: none left. */
uint32_t track_alloc(struct domain *d);
/* It now is this mapping. */
void track_fill(struct domain *d, uint32_t handle, domid_t domid, uint32_t ref, uint16_t flags);
void track_cancel(struct domain *d, uint32_t handle);
/*
 * Moves those of the bits `want` that are live to busy; what the slot was before goes to *was.
 * Returns the bits moved; -1: no such handle.
 */
int track_claim(struct domain *d, uint32_t handle, unsigned int want, struct gnt_track *was);
/* The bits `done` are unmapped for good, the bits `failed` live again. */
void track_settle(struct domain *d, uint32_t handle, unsigned int done, unsigned int failed);

/* map.c: the pins that a mapping with these flags needs for its host and device halves. */
static inline unsigned int gnt_kinds(unsigned int flags)
{
    unsigned int shift = flags & GNTMAP_readonly ? 0 : 1;

    return (flags & GNTMAP_host_map ? PIN_BIT(PIN_HOST_R) << shift : 0) |
           (flags & GNTMAP_device_map ? PIN_BIT(PIN_DEV_R) << shift : 0);
}

#endif
