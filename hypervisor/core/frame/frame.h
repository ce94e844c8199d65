/* Machine frames: who owns one, how often and as what it is used, and which are free.
 *
 * Every frame below frame_max has one 64-bit word. All changes are single atomic steps on it:
 *
 *   bits  0-23  refs    uses that need the frame only to stay (read-only mappings, ...)
 *   bits 24-43  uses    uses that rely on its type; each keeps the frame too
 *   bits 44-46  type    FRAME_L1..L4, WRITABLE, SEGDESC, READONLY; stays when uses falls to 0
 *   bit  47     VALID   a table: all its entries hold what they refer to
 *   bit  48     BUSY    one CPU is changing its type; others wait
 *   bit  49     PINNED  a pin holds one of the uses
 *   bit  50     LIVE    the owner's own claim to it; without it nobody can get new references
 *   bit  51     SHARED  the hypervisor's: not part of the owner's pages
 *   bit  52     UNCACHED  has been mapped with another cache attribute than write-back
 *   bits 53-63  owner   slot of the owning domain; 0: the hypervisor or free
 *
 * A frame is freed by whoever takes its last count when LIVE is gone: one step decides who. A
 * second, 32-bit word ("mark") is used only while nobody counts on it: of a frame without uses,
 * tlb_stamp() of when that began; of a table that is neither VALID nor BUSY but has uses (partial),
 * how many of its first entries hold references. core/pgtype has the rules of types.
 * docs/contributor/frame.md and pgtype.md have the whole picture. */
#ifndef CORE_FRAME_FRAME_H
#define CORE_FRAME_FRAME_H

#include "base/bits.h"
#include "base/num.h"
#include "core/frame/mem.h"
#include "core/frame/page.h"
#include "port/frame.h"

struct domain;

#define FRAME_REF1        ((uint64_t)1)
#define FRAME_REFS        (((uint64_t)1 << 24) - 1)
#define FRAME_REFS_TOP    ((uint64_t)1 << 23) /* set: no more are given out */
#define FRAME_USE1        ((uint64_t)1 << 24)
#define FRAME_USES        ((((uint64_t)1 << 20) - 1) << 24)
#define FRAME_USES_TOP    ((uint64_t)1 << 43)
#define FRAME_TYPE_SHIFT  44
#define FRAME_TYPE        ((uint64_t)7 << FRAME_TYPE_SHIFT)
#define FRAME_VALID       ((uint64_t)1 << 47)
#define FRAME_BUSY        ((uint64_t)1 << 48)
#define FRAME_PINNED      ((uint64_t)1 << 49)
#define FRAME_LIVE        ((uint64_t)1 << 50)
#define FRAME_SHARED      ((uint64_t)1 << 51)
#define FRAME_UNCACHED    ((uint64_t)1 << 52)
#define FRAME_OWNER_SHIFT 53
#define FRAME_OWNER       ((uint64_t)(MEM_SLOTS - 1) << FRAME_OWNER_SHIFT)
#define FRAME_COUNTS      (FRAME_REFS | FRAME_USES)

/* Types. The number of a table type is its level. */
enum page_type {
    PGT_NONE,
    PGT_L1,
    PGT_L2,
    PGT_L3,
    PGT_L4,
    PGT_WRITABLE,
    PGT_SEGDESC,
    PGT_READONLY, /* only for frames that the hypervisor shares for reading */
};

/* Bytes per frame to be mapped at FRAMES_VIRT (zeroed): first all words, then all marks. Frames
 * that are no RAM have equal ones, never changed after frame_init(): pages of such may be one. */
#define FRAME_WORD_BYTES  8
#define FRAME_MARK_BYTES  4
#define FRAME_WORDS_BYTES (FRAME_WORD_BYTES + FRAME_MARK_BYTES)

extern uint64_t frame_max;   /* frames at or above this number are no RAM */
extern uint64_t frame_total; /* of RAM */

/* ---- start-up ------------------------------------------------------------------------------- */

struct ram_range {
    uint64_t start, end; /* machine addresses, half open */
};

/* All of RAM (any order, shrunk to whole frames) and what of it is in use already (image, modules,
 * early tables; grown to whole frames, may overlap each other). FRAMES_VIRT must be mapped for
 * every frame below the end of the last range. Frame 0 is never given out. Boot CPU, once. */
void frame_init(const struct ram_range *ram, unsigned int n, const struct ram_range *reserved,
                unsigned int n_reserved);
/* Reserved frames [from, to) become free: boot modules that are no longer needed. */
void frame_release(mfn_t from, mfn_t to);

/* ---- free frames ---------------------------------------------------------------------------- */

#define FRAME_MAX_ORDER 12u /* 16 MiB */

enum {
    FRAME_NO_SCRUB = 1, /* with whatever they hold: for what dom0 has from the start */
    FRAME_FORCE = 2,    /* for a domain: max_pages does not count */
};

/* 2^order frames in a row, aligned to their size, all bytes 0; below machine address 2^bits if bits
 * is not 0. For domain d: it owns them (LIVE, no counts, type WRITABLE, M2P entry invalid), they
 * count in its pages. d NULL: the hypervisor's own. MFN_NONE: no memory, or d's max_pages reached,
 * or d is dying. Takes RANK_FRAME. */
mfn_t frame_alloc(struct domain *d, unsigned int order, unsigned int bits, unsigned int flags);
/* Gives back what frame_alloc(NULL, order, ...) gave. No one else may use it. */
void frame_free(mfn_t m, unsigned int order);
uint64_t frame_free_count(void);
/* Free frames that are claimed by domains for later (XENMEM_claim_pages). */
uint64_t frame_claimed_count(void);
/* Keeps as many free frames for d that it can grow to `pages`; 0 ends the claim. -XEN_ENOMEM;
 * -XEN_EINVAL: more than max_pages or less than it has. */
NODISCARD int frame_claim(struct domain *d, uint64_t pages);

/* ---- domains -------------------------------------------------------------------------------- */

/* A new domain: one page of memory. Until then, and after mem_domain_free(), it owns no frame and
 * is not taken for the owner of any: dom_create() sets mem.owner so before anyone finds it.
 * max_pages is 0. -XEN_ENOMEM. */
NODISCARD int mem_domain_init(struct domain *d);
/* The domain's pages are 0, its shared frames unshared. Idempotent, also without
 * mem_domain_init. */
void mem_domain_free(struct domain *d);
/* Takes away all frames of a dying domain: pins, half-validated tables, its own claim. 0: done,
 * HC_AGAIN: call again. Afterwards d->mem.pages counts only frames that others still use (mappings
 * of dom0, grants); the last such put brings it to 0. */
long mem_relinquish(struct domain *d);

/* DOMID_XEN: owns nothing but what frame_share() gives to it: frames that dom0 may map although no
 * guest owns them (the M2P table). Not on any list; its memory account is all there is of it. */
extern struct domain dom_xen;
/* DOMID_IO: owns no RAM at all; who maps frames of it means devices. */
extern struct domain dom_io;

/* ---- references ----------------------------------------------------------------------------- */

static inline uint64_t *frame_word(mfn_t m)
{
    return &frame_words[m.n];
}

/* A plain reference to a frame of d; false: no RAM, not d's, or d has given it up. */
bool page_get(mfn_t m, struct domain *d);
void page_put(mfn_t m);

/* A use, as the given type, of a frame of d: one count, which also keeps the frame, so it is
 * dropped by page_put_use() alone. For PGT_WRITABLE and PGT_SEGDESC. 0; -XEN_EINVAL: not d's, or in
 * use as another type (SEGDESC: or a descriptor in it is not allowed). */
NODISCARD int page_get_use(mfn_t m, struct domain *d, enum page_type type);
void page_put_use(mfn_t m);

/* ---- frames of the hypervisor that guests may map ------------------------------------------- */

/* A frame of frame_alloc(NULL, 0, ...) becomes mappable by d (and by dom0 as d's), for writing too
 * or only for reading: shared_info, grant tables. frame_unshare() ends that; the frame is freed
 * when the last mapping goes. Do not use frame_free() on it. */
void frame_share(mfn_t m, struct domain *d, bool writable);
void frame_unshare(mfn_t m, struct domain *d);

/* ---- taking frames away from a running domain ----------------------------------------------- */

/* d gives up its claim (decrease_reservation): freed when nothing uses it any more. -XEN_EINVAL:
 * not d's, shared, or given up before. */
NODISCARD int frame_drop(mfn_t m, struct domain *d);
/* Takes a frame from d that nothing at all uses: no count, no pin (checked and done in one step); d
 * keeps its page count. -XEN_EINVAL. Then either frame_give_back() or page_put(). */
NODISCARD int frame_steal(mfn_t m, struct domain *d);
void frame_give_back(mfn_t m);

/* ---- for tools and tests -------------------------------------------------------------------- */

/* XEN_DOMCTL_PFINFO_* of a frame of d: type and pin; XEN_DOMCTL_PFINFO_XTAB for others. */
uint32_t frame_pfinfo(mfn_t m, struct domain *d);

/* Checks free lists, words and page accounts; number of violations, each logged. Nothing may
 * run. */
unsigned int frame_audit(void);
void frame_dump(void); /* for the debug key */

#endif
