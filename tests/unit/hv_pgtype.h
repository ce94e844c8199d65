/*
 * What the tests of core/pgtype share: two domains with frames for each level of tables, the
 * hypercalls as their guests make them, and the exact recount of what every frame's word must be.
 */
#ifndef TESTS_UNIT_HV_PGTYPE_H
#define TESTS_UNIT_HV_PGTYPE_H

#include "fake_mm.h"

#include <string.h>

#include "core/insn/insn.h"
#include "core/pgtype/entry.h"
#include "hc/hc.h"

#define FRAMES 1024u
#define POOL   48u

static struct domain *zero, *one;
static mfn_t pool[2][POOL]; /* frames of each domain; used as the levels of `meant` */

static inline unsigned int meant(unsigned int i)
{
    return i < 4 ? 4 : i < 10 ? 3 : i < 18 ? 2 : i < 30 ? 1 : 0;
}

static inline mfn_t any_of(unsigned int dom, unsigned int level)
{
    static const unsigned int from[5] = {30, 18, 10, 4, 0}, count[5] = {18, 12, 8, 6, 4};

    return pool[dom][from[level] + fake_below(count[level])];
}

static inline uint64_t *table(mfn_t m)
{
    return mfn_ptr(m);
}

static inline uint64_t entry(mfn_t m, uint64_t flags)
{
    return mfn_maddr(m) | flags;
}

/* ---- what must always hold ------------------------------------------------------------------ */

static struct pgt_tally tally[FRAMES];

static inline void add_use(mfn_t m)
{
    if (m.n && !mfn_eq(m, MFN_NONE))
        tally[m.n].uses++;
}

static inline void verify(void)
{
    memset(tally, 0, sizeof(tally));
    CHECK_EQ(pgt_audit_with(tally), 0);
    CHECK_EQ(frame_audit(), 0);
    for (struct domain *d = dom_list; d; d = d->next) {
        add_use(d->vcpu[0]->arch.kernel_l4);
        add_use(d->vcpu[0]->arch.user_l4);
        add_use(d->vcpu[0]->pgt_old);
    }
    for (uint64_t n = 0; n < FRAMES; n++) {
        uint64_t w = frame_words[n];

        if (!(w & FRAME_OWNER) || (w & FRAME_SHARED))
            continue;
        CHECK(!(w & FRAME_BUSY));
        if (w & FRAME_PINNED)
            tally[n].uses++;
        if (is_table(w) && (w & FRAME_USES) && !(w & FRAME_VALID))
            tally[n].uses++; /* the partial state's own */
        if ((w & FRAME_USES) / FRAME_USE1 != tally[n].uses || (w & FRAME_REFS) != tally[n].refs) {
            fprintf(stderr, "frame %lx word %lx: counted %u uses, %u refs\n", n, w, tally[n].uses,
                    tally[n].refs);
            abort();
        }
    }
}
static inline long hypercall(hc_fn *fn, struct vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                             uint64_t d)
{
    uint64_t arg[5] = {a, b, c, d, 0};
    long result;

    fake_current = v;
    for (unsigned int tries = 0; tries < 5000; tries++) {
        fake_guest_call();
        result = fn(v, arg);
        if (result != HC_AGAIN)
            return result;
        verify();
        if (fake_preempt_in == 0 && fake_below(30) == 0)
            return HC_AGAIN; /* the guest never goes on with it */
        fake_preempt_in = fake_below(4);
    }
    CHECK(!"a hypercall that never ends");
    return result;
}

static inline long update(struct vcpu *v, uint64_t ptr, uint64_t val, uint64_t who)
{
    uint64_t request[2] = {ptr, val};

    memcpy(fake_guest, request, sizeof(request));
    return hypercall(hc_mmu_update, v, FAKE_GUEST_VA, 1, 0, who);
}

static inline long ext(struct vcpu *v, unsigned int cmd, mfn_t m)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = m.n};

    memcpy(fake_guest, &op, sizeof(op));
    return hypercall(hc_mmuext_op, v, FAKE_GUEST_VA, 1, 0, DOMID_SELF);
}

static inline void start(void)
{
    mm_init(FRAMES, 16);
    for (unsigned int i = 0; i < 16; i++)
        hv_l4_slots[i] = 0xbad000 + i;
    zero = mm_domain(0, FRAMES);
    one = mm_domain(1, FRAMES);
    for (unsigned int d = 0; d < 2; d++)
        for (unsigned int i = 0; i < POOL; i++) {
            pool[d][i] = frame_alloc(d ? one : zero, 0, 0, 0);
            memset(mfn_ptr(pool[d][i]), 0, FRAME_SIZE);
        }
}

static inline void finish(void)
{
    struct domain *all[2] = {one, zero};

    for (unsigned int i = 0; i < 2; i++) {
        struct domain *d = all[i];

        d->dying = DOM_DYING;
        do
            fake_preempt_in = fake_below(3);
        while (pgt_drop_base(d->vcpu[0]) == HC_AGAIN);
        verify();
        do {
            fake_preempt_in = fake_below(5);
        } while (mem_relinquish(d) == HC_AGAIN);
        fake_preempt_in = 0;
        verify();
    }
    mm_domain_end(zero);
    mm_domain_end(one);
    CHECK_EQ(frame_free_count(), FRAMES - 16);
}

#endif
