/* Owners, references and uses of frames: everything about a frame that is in use but its page-table
 * types.
 *
 * Whoever changes a word does it in one compare-exchange, so no lock is needed and none is taken
 * but for slots and for the free lists. Stamps: when a type's last use ends, the frame is BUSY
 * while the stamp is written, so that nobody can begin another type with an old stamp (XSA-241). */
#include "core/dom/domain.h"
#include "core/frame/frame.h"
#include "core/frame/private.h"
#include "core/pgtype/pgtype.h"
#include "core/pgtype/entry.h"
#include "port/clock.h"
#include "port/kick.h"
#include "port/log.h"
#include "port/stop.h"
#include "port/tlb.h"

#define SLOT_XEN 1 /* also of shared frames whose domain is gone but that others still map */

#define SLOT_IO (MEM_SLOTS - 2) /* never in a word */

struct domain dom_xen = {
    .id = DOMID_XEN,
    .mem.owner = (uint64_t)SLOT_XEN << FRAME_OWNER_SHIFT,
};
struct domain dom_io = {
    .id = DOMID_IO,
    .mem.owner = (uint64_t)SLOT_IO << FRAME_OWNER_SHIFT,
};
static struct domain *owners[MEM_SLOTS];
static unsigned int chunk_shift; /* log2 of frames in a chunk */

void mem_init(void)
{
    chunk_shift = 9;
    while (frame_max >> chunk_shift >= FRAME_SIZE * 8)
        chunk_shift++;
}

struct domain *frame_word_owner(uint64_t word)
{
    return owners[word >> FRAME_OWNER_SHIFT];
}

void mem_chunk_note(struct domain *d, uint64_t n)
{
    uint64_t chunk = n >> chunk_shift;
    uint64_t bit = bit64(chunk % 64);

    if (!(__atomic_load_n(&d->mem.chunks[chunk / 64], __ATOMIC_RELAXED) & bit))
        __atomic_fetch_or(&d->mem.chunks[chunk / 64], bit, __ATOMIC_RELAXED);
}

int mem_domain_init(struct domain *d)
{
    unsigned int slot = 2;

    d->mem.chunks = hv_page_alloc();
    if (!d->mem.chunks)
        return -XEN_ENOMEM;
    lock_take(&frame_lock);
    while (slot < SLOT_IO && owners[slot]) /* and the very last slot is that of NOT_RAM */
        slot++;
    if (slot < SLOT_IO)
        owners[slot] = d;
    lock_drop(&frame_lock);
    if (slot == SLOT_IO) {
        hv_page_free(d->mem.chunks);
        d->mem.chunks = NULL;
        return -XEN_ENOMEM;
    }
    d->mem.owner = (uint64_t)slot << FRAME_OWNER_SHIFT;
    d->mem.io_caches = d->is_dom0;
    return 0;
}

void mem_domain_free(struct domain *d)
{
    if (frame_claim(d, 0))
        stop("the end of a claim failed");
    ASSERT(!d->mem.pages);
    lock_take(&frame_lock);
    owners[d->mem.owner >> FRAME_OWNER_SHIFT] = NULL;
    d->mem.owner = dom_io.mem.owner;
    lock_drop(&frame_lock);
    hv_page_free(d->mem.chunks);
    d->mem.chunks = NULL;
}

/* ---- references ----------------------------------------------------------------------------- */

bool page_get(mfn_t m, struct domain *d)
{
    uint64_t *word = frame_word(m);
    uint64_t w;

    if (m.n >= frame_max)
        return false;
    do {
        w = word_load(word);
        if ((w & (FRAME_OWNER | FRAME_LIVE | FRAME_REFS_TOP)) != (d->mem.owner | FRAME_LIVE))
            return false;
    } while (!word_cas(word, w, w + FRAME_REF1));
    return true;
}

void page_put(mfn_t m)
{
    uint64_t was = __atomic_fetch_sub(frame_word(m), FRAME_REF1, __ATOMIC_ACQ_REL);

    if (unlikely((was & (FRAME_LIVE | FRAME_COUNTS)) == FRAME_REF1))
        frame_gone(m, was);
}

void frame_use_over(mfn_t m)
{
    frame_marks[m.n] = tlb_stamp();
    uint64_t was = __atomic_fetch_sub(frame_word(m), FRAME_USE1 + FRAME_BUSY, __ATOMIC_ACQ_REL);
    if (unlikely((was & (FRAME_LIVE | FRAME_COUNTS)) == FRAME_USE1))
        frame_gone(m, was);
}

void frame_claim_flush(mfn_t m)
{
    cpumask_t stale = tlb_filter(cpus_online, frame_marks[m.n]);

    if (stale)
        tlb_flush_mask(stale, TLB_ALL_VA);
}

int page_get_use(mfn_t m, struct domain *d, enum page_type type)
{
    uint64_t *word = frame_word(m);
    uint64_t as = (uint64_t)type << FRAME_TYPE_SHIFT;

    if (m.n >= frame_max)
        return -XEN_EINVAL;
    for (;;) {
        uint64_t w = word_load(word);

        if ((w & (FRAME_OWNER | FRAME_LIVE | FRAME_USES_TOP)) != (d->mem.owner | FRAME_LIVE))
            return -XEN_EINVAL;
        if (w & FRAME_USES) {
            if ((w & FRAME_TYPE) != as)
                return -XEN_EINVAL;
            if (w & FRAME_BUSY) { /* its last use is just ending, or its descriptors are read */
                tlb_serve();
                continue;
            }
            if (word_cas(word, w, w + FRAME_USE1))
                return 0;
        } else if ((w & FRAME_TYPE) == as && type != PGT_SEGDESC) {
            if (word_cas(word, w, w + FRAME_USE1))
                return 0;
        } else if (word_cas(word, w, (w & ~FRAME_TYPE) | as | FRAME_BUSY | FRAME_USE1)) {
            /* Claimed; now flush; only then look at the contents (XSA-401). */
            frame_claim_flush(m);
            if (type == PGT_SEGDESC && !segdesc_check(mfn_ptr(m))) {
                frame_use_over(m);
                return -XEN_EINVAL;
            }
            __atomic_fetch_sub(word, FRAME_BUSY, __ATOMIC_ACQ_REL);
            return 0;
        }
    }
}

void page_put_use(mfn_t m)
{
    uint64_t *word = frame_word(m);

    for (;;) {
        uint64_t w = word_load(word);

        if ((w & FRAME_USES) != FRAME_USE1) {
            if (word_cas(word, w, w - FRAME_USE1))
                return;
        } else if (w & FRAME_BUSY) {
            tlb_serve();
        } else if (word_cas(word, w, w | FRAME_BUSY)) {
            frame_use_over(m);
            return;
        }
    }
}

/* ---- shared frames -------------------------------------------------------------------------- */

void frame_share(mfn_t m, struct domain *d, bool writable)
{
    uint64_t type = writable ? PGT_WRITABLE : PGT_READONLY;

    ASSERT(*frame_word(m) == (FRAME_LIVE | FRAME_SHARED));
    /* The hypervisor's own use keeps the frame and its type. */
    __atomic_store_n(frame_word(m),
                     FRAME_LIVE | FRAME_SHARED | d->mem.owner | FRAME_USE1 |
                         type << FRAME_TYPE_SHIFT,
                     __ATOMIC_RELEASE);
}

void frame_unshare(mfn_t m, struct domain *d)
{
    uint64_t *word = frame_word(m);
    uint64_t w;

    ASSERT((word_load(word) & (FRAME_OWNER | FRAME_SHARED)) == (d->mem.owner | FRAME_SHARED));
    (void)d;
    do {
        w = word_load(word);
    } while (!word_cas(
        word, w, (w & ~(FRAME_OWNER | FRAME_LIVE)) | (uint64_t)SLOT_XEN << FRAME_OWNER_SHIFT));
    page_put_use(m);
}

/* ---- taking away ---------------------------------------------------------------------------- */

/* Clears LIVE of a frame of d that has it; false: it had not, or was not d's own. */
static bool end_claim(mfn_t m, struct domain *d)
{
    uint64_t *word = frame_word(m);
    uint64_t w;

    do {
        w = word_load(word);
        if ((w & (FRAME_OWNER | FRAME_LIVE | FRAME_SHARED)) != (d->mem.owner | FRAME_LIVE))
            return false;
    } while (!word_cas(word, w, w & ~FRAME_LIVE));
    if (!(w & FRAME_COUNTS))
        frame_gone(m, w);
    return true;
}

int frame_drop(mfn_t m, struct domain *d)
{
    return m.n < frame_max && end_claim(m, d) ? 0 : -XEN_EINVAL;
}

int frame_steal(mfn_t m, struct domain *d)
{
    uint64_t *word = frame_word(m);
    uint64_t w;

    if (m.n >= frame_max)
        return -XEN_EINVAL;
    do {
        w = word_load(word);
        if ((w & ~(FRAME_TYPE | FRAME_UNCACHED)) != (d->mem.owner | FRAME_LIVE))
            return -XEN_EINVAL;
    } while (!word_cas(word, w, (w & ~FRAME_LIVE) + FRAME_REF1));
    return 0;
}

void frame_give_back(mfn_t m)
{
    /* Nobody else can have taken a count since frame_steal(): LIVE was gone. */
    __atomic_fetch_add(frame_word(m), FRAME_LIVE - FRAME_REF1, __ATOMIC_ACQ_REL);
}

/* ---- the end of a domain -------------------------------------------------------------------- */

#define LOOK_EVERY 64

/* All that d itself holds of frame m. 0 or HC_AGAIN. */
static long relinquish(struct domain *d, mfn_t m)
{
    uint64_t *word = frame_word(m);

    for (;;) {
        uint64_t w = word_load(word);

        if ((w & FRAME_OWNER) != d->mem.owner || (w & FRAME_SHARED))
            return 0;
        if (pgt_held_by_itself(w)) {
            if (pgt_let_go(m, w) == HC_AGAIN)
                return HC_AGAIN;
            continue;
        }
        (void)end_claim(m, d);
        return 0;
    }
}

long mem_relinquish(struct domain *d)
{
    uint64_t *n = &d->mem.cursor;
    unsigned int steps = 0;

    if (!d->mem.chunks)
        return 0;
    while (*n < frame_max) {
        uint64_t chunk = *n >> chunk_shift;

        if (!(d->mem.chunks[chunk / 64] & bit64(chunk % 64))) {
            *n = (chunk + 1) << chunk_shift;
            continue;
        }
        if ((frame_words[*n] & FRAME_OWNER) == d->mem.owner) {
            if (relinquish(d, mfn(*n)) == HC_AGAIN)
                return HC_AGAIN;
            steps += LOOK_EVERY / 16;
        }
        ++*n;
        if (++steps >= LOOK_EVERY * 4) {
            steps = 0;
            if (preempt_wanted())
                return HC_AGAIN;
        }
    }
    /* An allocation that began before d was dying may have handed out frames behind the cursor. */
    if (__atomic_load_n(&d->mem.filling, __ATOMIC_ACQUIRE)) {
        *n = 0;
        return HC_AGAIN;
    }
    return 0;
}

/* ---- for tools ------------------------------------------------------------------------------ */

uint32_t frame_pfinfo(mfn_t m, struct domain *d)
{
    uint32_t info = XEN_DOMCTL_PFINFO_NOTAB;

    if (m.n >= frame_max)
        return XEN_DOMCTL_PFINFO_XTAB;
    uint64_t w = word_load(frame_word(m));
    if ((w & (FRAME_OWNER | FRAME_LIVE)) != (d->mem.owner | FRAME_LIVE))
        return XEN_DOMCTL_PFINFO_XTAB;
    if (is_table(w) && (w & FRAME_USES))
        info = table_level(w) << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
    return w & FRAME_PINNED ? info | XEN_DOMCTL_PFINFO_LPINTAB : info;
}
