/*
 * Grant tables, version 1.
 *
 * The shared frames belong to the hypervisor and are mapped by the guest (and by the toolstack).
 * For every reference in use the hypervisor keeps an own copy of what the grant said when its
 * first use began ("active entry"); while it is in use nothing else is believed. A mapping that a
 * domain holds has a slot (its handle) in that domain's maptrack.
 */
#ifndef CORE_GNT_GNT_H
#define CORE_GNT_GNT_H

#include "abi/abi.h"
#include "base/bits.h"
#include "base/num.h"
#include "port/lock.h"

struct domain;
struct vcpu;
struct gnt_active;
struct gnt_track;

#define GNT_MAX_FRAMES      64u  /* shared frames of a domain, at most */
#define GNT_MAX_TRACK_PAGES 384u /* pages of maptrack, at most */
#define GNT_PER_FRAME       512u /* references in a shared frame */
#define GNT_ACTIVE_PER_PAGE 256u

struct gnt_table {
    struct lock lock;    /* RANK_GNT: the granting side: entries, growth */
    uint32_t nr_frames;  /* grows only; stored with release */
    uint32_t max_frames; /* <= GNT_MAX_FRAMES */
    struct grant_entry_v1 *shared[GNT_MAX_FRAMES];
    struct gnt_active **active; /* pointers to pages of active entries, made on demand */

    struct lock track_lock; /* RANK_MAPTRACK: the mapping side: handles */
    uint32_t nr_track;      /* slots that have memory; grows only */
    uint32_t max_track;
    uint32_t track_free;      /* first free slot, GNT_NO_HANDLE: none */
    uint32_t mappings;        /* handles in use */
    struct gnt_track **track; /* in the same page: pointers to pages of slots */
    uint32_t cursor;          /* release: next handle to drop */
};

#define GNT_NO_HANDLE UINT32_MAX

/*
 * Limits as in createdomain (max_grant_frames, max_maptrack_frames; negative: default). Allocates
 * the first frame. -XEN_ENOMEM, -XEN_EINVAL.
 */
NODISCARD int gnt_domain_init(struct domain *d, int32_t max_frames, int32_t max_track_frames);
/*
 * Some of the tear-down: the mappings that d holds of others. True when all is done, else call
 * again. d is dying and nothing of it runs.
 */
bool gnt_release_step(struct domain *d);
/* Gives the frames back. No one maps d's grants any more. */
void gnt_domain_destroy(struct domain *d);

/* The i-th shared frame, growing the table as far as needed (acquire_resource). MFN_NONE: none. */
mfn_t gnt_frame(struct domain *d, uint32_t i);
/* XENMAPSPACE-less query: frames now. */
uint32_t gnt_frames(const struct domain *d);

/* Checks the invariants; returns the number of violations, each logged. */
unsigned int gnt_audit(struct domain *d);
void gnt_dump(struct domain *d);

#endif
