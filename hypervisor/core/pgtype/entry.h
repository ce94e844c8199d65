/*
 * Inside core/pgtype and hc/mmu.c: entries, the short paths that hold and drop what an L1 entry
 * maps, tables.
 *
 * A frame that is a table is in one of four states (frame.h for the bits):
 *
 *   unused    uses == 0
 *   VALID     every present entry holds a use or reference of what it names; uses >= 1
 *   BUSY      one CPU is filling (checking) or draining (dropping) it; others wait
 *   partial   neither; uses >= 1: the first `mark` entries hold theirs. The state itself is one of
 *             the uses, so nobody else's count can be lost or dropped twice with it (XSA-299)
 *
 * A partial table is made VALID by the next table_get() (the state's use becomes the caller's), or
 * drained by the table_put() that brings the others' uses to none (which ends the state's use,
 * too). Waiting on BUSY happens only downwards in levels, so it ends.
 */
#ifndef CORE_PGTYPE_ENTRY_H
#define CORE_PGTYPE_ENTRY_H

#include "core/dom/domain.h"
#include "core/frame/frame.h"
#include "core/frame/private.h"
#include "core/pgtype/pgtype.h"
#include "port/clock.h"

#define PTE_P     ((uint64_t)0x001)
#define PTE_RW    ((uint64_t)0x002)
#define PTE_US    ((uint64_t)0x004)
#define PTE_PWT   ((uint64_t)0x008)
#define PTE_PCD   ((uint64_t)0x010)
#define PTE_A     ((uint64_t)0x020)
#define PTE_D     ((uint64_t)0x040)
#define PTE_PS    ((uint64_t)0x080)
#define PTE_PAT   ((uint64_t)0x080) /* in an L1 entry */
#define PTE_G     ((uint64_t)0x100)
#define PTE_AVAIL ((uint64_t)0xe00)
#define PTE_ADDR  ((uint64_t)0x000ffffffffff000)
#define PTE_NX    ((uint64_t)1 << 63)
/* Marks entries of guest kernels: they carry US for the processor's sake, as all of ring 3 must. */
#define PTE_KERNEL     ((uint64_t)1 << 52)
#define PTE_AVAIL_HIGH ((uint64_t)0x7ff << 52) /* bits 52-62 */
#define PTE_CACHE      (PTE_PWT | PTE_PCD | PTE_PAT)

#define ENTRIES 512u
#define HV_SLOT 256u /* first of the sixteen L4 slots that are the hypervisor's */

/*
 * Bits that no entry above L1 may have: no superpages, no cache attributes for tables. In L1
 * entries PTE_CACHE is for domains with devices, G is taken away; all other bits are the
 * software's.
 */
#define LN_BAD (PTE_PWT | PTE_PCD | PTE_PS | PTE_G)

/* An update that changes nothing but these needs no new check: a white list (XSA-148, 182). */
#define FREE_BITS (PTE_NX | PTE_AVAIL_HIGH | PTE_AVAIL | PTE_D | PTE_A | PTE_US)

/* What the short paths compare a frame's word with. */
#define HOLD_RO_MASK (FRAME_OWNER | FRAME_LIVE | FRAME_REFS_TOP)
#define HOLD_RW_MASK (FRAME_OWNER | FRAME_LIVE | FRAME_USES_TOP | FRAME_TYPE | FRAME_BUSY)
#define HOLD_RW_TYPE ((uint64_t)PGT_WRITABLE << FRAME_TYPE_SHIFT)

/* Who maps what: prepared once for a table or a batch. */
struct l1_ctx {
    uint64_t owner; /* owner bits | LIVE, of the domain whose frames are mapped */
    uint64_t slow;  /* an entry with any of these bits takes the long path */
    struct domain *mapper;
    struct domain *from;
};

static inline struct l1_ctx l1_ctx(struct domain *mapper, struct domain *from)
{
    return (struct l1_ctx){
        .owner = from->mem.owner | FRAME_LIVE,
        .slow = PTE_CACHE,
        .mapper = mapper,
        .from = from,
    };
}

static inline uint64_t pte_frame(uint64_t e)
{
    return (e << 12) >> 24;
}

/* As the processor must see a guest's L1 entry. */
static inline uint64_t l1_adjust(uint64_t e)
{
    if (!(e & PTE_US))
        e |= PTE_US | PTE_KERNEL;
    return e & ~PTE_G;
}

int l1_hold_slow(const struct l1_ctx *c, uint64_t *e);
void l1_drop_slow(uint64_t e);

/*
 * Takes what the present, adjusted entry *e must hold: a use as writable or a reference. May take
 * RW away from *e (device frames that are read-only). 0; -XEN_EINVAL: bad bits; -XEN_EBUSY: RAM of
 * others, or in use as what it must not be; -XEN_EPERM: a device that is not the domain's.
 */
static inline __attribute__((always_inline)) int l1_hold(const struct l1_ctx *c, uint64_t *e)
{
    uint64_t n = pte_frame(*e);

    if (likely(!(*e & c->slow)) && likely(n < frame_max)) {
        uint64_t *word = &frame_words[n];
        uint64_t w = *(volatile uint64_t *)word;

        if (*e & PTE_RW) {
            if (likely((w & HOLD_RW_MASK) == (c->owner | HOLD_RW_TYPE)) &&
                likely(word_cas(word, w, w + FRAME_USE1)))
                return 0;
        } else {
            if (likely((w & HOLD_RO_MASK) == c->owner) && likely(word_cas(word, w, w + FRAME_REF1)))
                return 0;
        }
    }
    return l1_hold_slow(c, e);
}

/* Drops what the present entry e holds. It is no longer in any table. */
static inline __attribute__((always_inline)) void l1_drop(uint64_t e)
{
    uint64_t n = pte_frame(e);

    if (likely(n < frame_max)) {
        uint64_t *word = &frame_words[n];
        uint64_t w = *(volatile uint64_t *)word;

        if (e & PTE_RW) {
            if (likely((w & FRAME_USES) != FRAME_USE1) && likely(w != NOT_RAM) &&
                likely(word_cas(word, w, w - FRAME_USE1)))
                return;
        } else if (likely(w & FRAME_LIVE) && likely(w != NOT_RAM) &&
                   likely(word_cas(word, w, w - FRAME_REF1))) {
            return;
        }
    }
    l1_drop_slow(e);
}

static inline bool is_table(uint64_t w)
{
    unsigned int type = (unsigned int)((w & FRAME_TYPE) >> FRAME_TYPE_SHIFT);

    return type - 1 < 4;
}

static inline unsigned int table_level(uint64_t w)
{
    return (unsigned int)((w & FRAME_TYPE) >> FRAME_TYPE_SHIFT);
}

/* Work since the last look at preempt_wanted(), in about entries. */
struct table_walk {
    unsigned int work;
};

/*
 * A use of m as a VALID table of `level` owned by d. 0: held. HC_AGAIN: not held, call again.
 * -XEN_EINVAL: not so; *held says whether the caller has got a use of the partial table all the
 * same, which it must table_put() so that its entries are dropped.
 */
long table_get(mfn_t m, struct domain *d, unsigned int level, struct table_walk *t, bool *held);
/* Drops a use. HC_AGAIN: the caller still has it and must call again. */
long table_put(mfn_t m, struct table_walk *t);

extern unsigned int table_look_every;

/* Validation of the contents, the frame being BUSY; table.c. */
long table_fill(mfn_t m, struct domain *d, unsigned int level, unsigned int from,
                struct table_walk *t, bool *held);
long table_drain(mfn_t m, unsigned int level, unsigned int n, struct table_walk *t);

/* Flushes who may still use m as what it was before. m is BUSY. core/frame/info.c */
void frame_claim_flush(mfn_t m);

/* Is every descriptor in the frame allowed? Adjusts them. */
bool segdesc_check(void *frame);

/* For mem_relinquish(): does m keep itself (pin, partial state)? Then pgt_let_go(). */
bool pgt_held_by_itself(uint64_t w);
long pgt_let_go(mfn_t m, uint64_t w);

/* In a table of d: an entry that is not present but has an address that the processor must not see.
 */
bool l1tf_names_memory(const struct domain *d, uint64_t e);

static inline bool l1tf_bad(const struct domain *d, uint64_t e)
{
    return unlikely(pgt_l1tf) && l1tf_names_memory(d, e);
}

/* The current value of an entry that others, and the processor, may change. */
static inline uint64_t pte_read(const uint64_t *slot)
{
    return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* ---- updates -------------------------------------------------------------------------------- */

/* The bits of the table that is being updated: VALID, of the domain, `uses` can still grow. */
#define TABLE_MASK (FRAME_OWNER | FRAME_LIVE | FRAME_VALID | FRAME_USES_TOP)

/*
 * Writes one entry of a VALID L1 table, of which the caller holds a use. keep_ad: accessed and
 * dirty stay as the processor has set them. 0, or as l1_hold() and nothing has changed.
 */
static inline __attribute__((always_inline)) int l1_update(const struct l1_ctx *c, uint64_t *slot,
                                                           uint64_t e, bool keep_ad)
{
    uint64_t old = pte_read(slot);
    int error;

    if (likely(e & PTE_P)) {
        e = l1_adjust(e);
        while ((old & PTE_P) && !((old ^ e) & ~FREE_BITS)) {
            uint64_t put = keep_ad ? e | (old & (PTE_A | PTE_D)) : e;

            if (likely(__atomic_compare_exchange_n(slot, &old, put, 0, __ATOMIC_ACQ_REL,
                                                   __ATOMIC_ACQUIRE)))
                return 0;
        }
        error = l1_hold(c, &e);
        if (unlikely(error))
            return error;
    } else if (l1tf_bad(c->mapper, e)) {
        return -XEN_EINVAL;
    }
    if (keep_ad) {
        uint64_t put;

        do {
            put = (e & old & PTE_P) && pte_frame(e) == pte_frame(old) ? e | (old & (PTE_A | PTE_D))
                                                                      : e;
        } while (
            !__atomic_compare_exchange_n(slot, &old, put, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    } else {
        old = __atomic_exchange_n(slot, e, __ATOMIC_ACQ_REL);
    }
    if (old & PTE_P)
        l1_drop(old);
    return 0;
}

/* As above, but only if the entry still is `old`; -XEN_EAGAIN if not. */
int l1_replace(const struct l1_ctx *c, uint64_t *slot, uint64_t old, uint64_t e);

/*
 * One entry of a VALID table above L1. 0; -XEN_EINVAL, nothing changed; HC_AGAIN: nothing changed,
 * call again. What the entry held before may be left in v->pgt_old after 0.
 */
long upper_update(struct vcpu *v, struct domain *d, unsigned int level, uint64_t *slot, uint64_t e,
                  bool keep_ad);

/* Drops v's use of a table now or, if that takes long, from v->pgt_old. */
void table_unhold_slow(struct vcpu *v, mfn_t m);

static inline void table_unhold(struct vcpu *v, mfn_t m)
{
    uint64_t *word = frame_word(m);
    uint64_t w = *(volatile uint64_t *)word;

    if (likely(w & FRAME_VALID) && likely((w & FRAME_USES) != FRAME_USE1) &&
        likely(word_cas(word, w, w - FRAME_USE1)))
        return;
    table_unhold_slow(v, m);
}

/* Takes a use of m, a frame below frame_max, if it is a VALID L1 of d. */
static inline bool l1_use(const struct domain *d, mfn_t m)
{
    const uint64_t expect =
        d->mem.owner | FRAME_LIVE | FRAME_VALID | (uint64_t)PGT_L1 << FRAME_TYPE_SHIFT;
    uint64_t *word = frame_word(m), w;

    do {
        w = *(volatile uint64_t *)word;
        if (unlikely((w & (TABLE_MASK | FRAME_TYPE)) != expect))
            return false;
    } while (unlikely(!word_cas(word, w, w + FRAME_USE1)));
    return true;
}

/*
 * The L1 entry for va in v's kernel tables; NULL: there is none. Nothing is held: the tables may go
 * while we walk, so each is looked at only after its word says that it is one of the domain's, and
 * the entry is some 8 bytes of RAM that were in such a table a moment ago: fit to be read.
 */
static inline uint64_t *walk_find(const struct vcpu *v, uint64_t va)
{
    const uint64_t mask = FRAME_OWNER | FRAME_VALID | FRAME_TYPE;
    uint64_t expect = v->dom->mem.owner | FRAME_VALID | (uint64_t)PGT_L3 << FRAME_TYPE_SHIFT;
    uint64_t *table = mfn_ptr(v->arch.kernel_l4);

#pragma GCC unroll 3
    for (unsigned int shift = 39; shift > 12; shift -= 9) {
        uint64_t e = pte_read(&table[va >> shift & (ENTRIES - 1)]);
        uint64_t n = pte_frame(e);

        if (unlikely(!(e & PTE_P)) || unlikely(n >= frame_max) ||
            unlikely((*(volatile uint64_t *)&frame_words[n] & mask) != expect))
            return NULL;
        table = mfn_ptr(mfn(n));
        expect -= (uint64_t)1 << FRAME_TYPE_SHIFT;
    }
    return &table[va >> FRAME_SHIFT & (ENTRIES - 1)];
}

/* The same, with a use of the table that the entry lies in: fit to be changed. */
static inline uint64_t *walk_hold(const struct vcpu *v, uint64_t va, mfn_t *l1)
{
    uint64_t *slot = walk_find(v, va);

    if (unlikely(!slot))
        return NULL;
    *l1 = ptr_mfn(slot);
    return likely(l1_use(v->dom, *l1)) ? slot : NULL;
}

#endif
