/*
 * core/frame: the allocator, accounts, references, uses, stealing, claims. Cases, then a seeded
 * random walk; the audit runs after each step.
 */
#include "fake_mm.h"

#include <string.h>

#include "core/frame/private.h"

#define FRAMES 4096u

static bool all_zero(mfn_t m, unsigned int order)
{
    const uint8_t *p = mfn_ptr(m);

    for (uint64_t i = 0; i < FRAME_SIZE << order; i++)
        if (p[i])
            return false;
    return true;
}

static void test_alloc(void)
{
    mfn_t m;
    uint64_t before;

    mm_init(FRAMES, 16);
    before = frame_free_count();
    CHECK_EQ(before, FRAMES - 16);
    for (unsigned int order = 0; order <= 10; order++) {
        m = frame_alloc(NULL, order, 0, 0);
        CHECK(!mfn_eq(m, MFN_NONE));
        CHECK_EQ(m.n & ((1u << order) - 1), 0);
        CHECK(all_zero(m, order));
        memset(mfn_ptr(m), 0x5a, FRAME_SIZE << order);
        CHECK_EQ(frame_audit(), 0);
        frame_free(m, order);
        CHECK_EQ(frame_free_count(), before);
        CHECK_EQ(frame_audit(), 0);
    }
    CHECK(mfn_eq(frame_alloc(NULL, FRAME_MAX_ORDER + 1, 0, 0), MFN_NONE));
    CHECK(mfn_eq(frame_alloc(NULL, 0, 12, 0), MFN_NONE));
    /* Below 1 MiB: frames 16..255. */
    for (unsigned int i = 16; i < 256; i++)
        CHECK(frame_alloc(NULL, 0, 20, 0).n < 256);
    CHECK(mfn_eq(frame_alloc(NULL, 0, 20, 0), MFN_NONE));
    CHECK(frame_alloc(NULL, 0, 21, 0).n < 512);
    frame_release(mfn(4), mfn(16));
    CHECK(frame_alloc(NULL, 0, 20, 0).n < 16);
    CHECK_EQ(frame_audit(), 0);
}

static void test_contents(void)
{
    struct domain *zero, *one;
    mfn_t m;

    mm_init(FRAMES, 16);
    zero = mm_domain(0, 100);
    one = mm_domain(1, 100);
    /* A frame of dom0 may come back to it as it was, but to nobody else. */
    for (int i = 0; i < 4; i++) {
        m = frame_alloc(zero, 0, 0, 0);
        memset(mfn_ptr(m), 0x77, FRAME_SIZE);
        CHECK_EQ(frame_drop(m, zero), 0);
        m = frame_alloc(one, 0, 0, 0);
        CHECK(all_zero(m, 0));
        memset(mfn_ptr(m), 0x66, FRAME_SIZE);
        CHECK_EQ(frame_drop(m, one), 0);
        m = frame_alloc(zero, 0, 0, 0);
        CHECK(all_zero(m, 0));
    }
    CHECK_EQ(*m2p_slot(m), ~0UL);
    CHECK_EQ(frame_audit(), 0);
    CHECK_EQ(zero->mem.pages, 4);
    CHECK_EQ(mem_relinquish(zero), 0);
    mm_domain_end(zero);
    mm_domain_end(one);
}

static void test_counts(void)
{
    struct domain *d, *other;
    mfn_t m, shared;

    mm_init(FRAMES, 16);
    d = mm_domain(1, 3);
    other = mm_domain(2, 3);
    m = frame_alloc(d, 1, 0, 0);
    CHECK(!mfn_eq(m, MFN_NONE));
    CHECK(mfn_eq(frame_alloc(d, 1, 0, 0), MFN_NONE)); /* max_pages */
    CHECK(!mfn_eq(frame_alloc(d, 1, 0, FRAME_FORCE), MFN_NONE));
    CHECK(frame_word_owner(*frame_word(m)) == d && !frame_word_owner(*frame_word(mfn(1))));
    CHECK(!page_get(m, other) && !page_get(mfn(FRAMES), d) && !page_get(mfn(~0UL), d));
    CHECK(page_get(m, d));
    CHECK_EQ(page_get_use(m, other, PGT_WRITABLE), -XEN_EINVAL);
    CHECK_EQ(page_get_use(m, d, PGT_WRITABLE), 0);
    CHECK_EQ(page_get_use(m, d, PGT_SEGDESC), -XEN_EINVAL);
    CHECK_EQ(frame_steal(m, d), -XEN_EINVAL);
    page_put_use(m);
    CHECK_EQ(page_get_use(m, d, PGT_SEGDESC), 0);
    CHECK_EQ(page_get_use(m, d, PGT_WRITABLE), -XEN_EINVAL);
    page_put_use(m);
    CHECK_EQ(frame_steal(m, d), -XEN_EINVAL); /* the reference */
    page_put(m);
    CHECK_EQ(frame_steal(m, d), 0);
    CHECK(!page_get(m, d));
    CHECK_EQ(frame_drop(m, d), -XEN_EINVAL);
    frame_give_back(m);
    CHECK_EQ(frame_steal(m, d), 0);
    page_put(m);
    CHECK_EQ(d->mem.pages, 3);
    /* Given up while in use: freed with the last count. */
    m.n++;
    CHECK(page_get(m, d));
    CHECK_EQ(frame_drop(m, d), 0);
    CHECK_EQ(frame_drop(m, d), -XEN_EINVAL);
    CHECK(!page_get(m, d));
    CHECK_EQ(d->mem.pages, 3);
    page_put(m);
    CHECK_EQ(d->mem.pages, 2);
    /* Shared frames: mapped by the guest, never its pages, freed after the last user. */
    shared = frame_alloc(NULL, 0, 0, 0);
    frame_share(shared, d, false);
    CHECK_EQ(page_get_use(shared, d, PGT_WRITABLE), -XEN_EINVAL);
    CHECK(page_get(shared, d));
    CHECK_EQ(frame_drop(shared, d), -XEN_EINVAL);
    frame_unshare(shared, d);
    CHECK(!page_get(shared, d));
    CHECK_EQ(frame_audit(), 0);
    page_put(shared);
    CHECK_EQ(frame_audit(), 0);
    d->dying = DOM_DYING;
    CHECK(mfn_eq(frame_alloc(d, 0, 0, 0), MFN_NONE));
    mm_reaps = 0;
    CHECK_EQ(mem_relinquish(d), 0);
    CHECK_EQ(mm_reaps, 1);
    mm_domain_end(d);
    mm_domain_end(other);
    CHECK_EQ(frame_free_count(), FRAMES - 16);
}

/* A domain that cannot own anything yet, or not any more, is not the hypervisor's double. */
static void test_no_owner(void)
{
    static struct domain early = {.id = 1, .max_vcpus = 1};
    struct domain *d;
    mfn_t own, theirs;

    mm_init(FRAMES, 16);
    d = mm_domain(2, 10);
    own = frame_alloc(NULL, 0, 0, 0);
    theirs = frame_alloc(d, 0, 0, 0);
    CHECK_EQ(frame_drop(theirs, d), 0);
    mem_domain_free(d);
    early.mem.owner = dom_io.mem.owner; /* as dom_create() does first of all */
    for (struct domain *of = &early; of; of = of == &early ? d : NULL) {
        CHECK(!page_get(own, of));
        CHECK_EQ(page_get_use(own, of, PGT_WRITABLE), -XEN_EINVAL);
        CHECK_EQ(frame_drop(own, of), -XEN_EINVAL);
        CHECK_EQ(frame_steal(own, of), -XEN_EINVAL);
        CHECK_EQ(frame_pfinfo(own, of), XEN_DOMCTL_PFINFO_XTAB);
        CHECK(mfn_eq(frame_alloc(of, 0, 0, FRAME_FORCE), MFN_NONE));
    }
    mem_domain_free(d); /* idempotent */
    CHECK_EQ(frame_audit(), 0);
    frame_free(own, 0);
    mm_domain_end(d);
}

static void test_claims(void)
{
    struct domain *d, *other;

    mm_init(FRAMES, 16);
    d = mm_domain(1, FRAMES);
    other = mm_domain(2, FRAMES);
    CHECK_EQ(frame_claim(d, FRAMES * 2), -XEN_EINVAL);
    CHECK_EQ(frame_claim(d, FRAMES), -XEN_ENOMEM);
    CHECK_EQ(frame_claim(d, frame_free_count() - 8), 0);
    for (int i = 0; i < 8; i++)
        CHECK(!mfn_eq(frame_alloc(other, 0, 0, 0), MFN_NONE));
    CHECK(mfn_eq(frame_alloc(other, 0, 0, 0), MFN_NONE));
    CHECK(!mfn_eq(frame_alloc(d, 3, 0, 0), MFN_NONE));
    CHECK_EQ(frame_claimed_count(), frame_free_count());
    CHECK_EQ(frame_claim(d, 0), 0);
    CHECK(!mfn_eq(frame_alloc(other, 0, 0, 0), MFN_NONE));
    CHECK_EQ(frame_claim(d, 4), -XEN_EINVAL);
    CHECK_EQ(mem_relinquish(d) | mem_relinquish(other), 0);
    mm_domain_end(d);
    mm_domain_end(other);
    CHECK_EQ(frame_claimed_count(), 0);
}

/* Everything in random order, with a record beside it of what must be. */
static void test_walk(void)
{
    struct held {
        mfn_t m;
        struct domain *d;
        unsigned int order, refs, uses;
        bool live;
    } held[64] = {0};
    struct domain *dom[2];
    uint64_t free_before;

    mm_init(FRAMES, 16);
    dom[0] = mm_domain(0, 2000);
    dom[1] = mm_domain(1, 2000);
    free_before = frame_free_count();
    for (unsigned int step = 0; step < 20000; step++) {
        struct held *h = &held[fake_below(64)];

        switch (h->live || h->refs || h->uses ? fake_below(6) : 6) {
        case 0:
            if (h->live && !h->order) {
                CHECK_EQ(page_get(h->m, h->d), 1);
                h->refs++;
            }
            break;
        case 1:
            if (h->live && !h->order && !page_get_use(h->m, h->d, PGT_WRITABLE))
                h->uses++;
            break;
        case 2:
            if (h->refs) {
                h->refs--;
                page_put(h->m);
            }
            break;
        case 3:
            if (h->uses) {
                h->uses--;
                page_put_use(h->m);
            }
            break;
        case 4:
            for (unsigned int i = 0; h->live && i < 1u << h->order; i++)
                CHECK_EQ(frame_drop(mfn(h->m.n + i), h->d), 0);
            h->live = false;
            break;
        case 5:
            if (h->live && !h->order) {
                int error = frame_steal(h->m, h->d);

                CHECK_EQ(error, h->refs || h->uses ? -XEN_EINVAL : 0);
                if (!error && fake_below(2)) {
                    page_put(h->m);
                    h->live = false;
                } else if (!error) {
                    frame_give_back(h->m);
                }
            }
            break;
        default:
            h->order = fake_below(4) ? 0 : fake_below(6);
            h->d = dom[fake_below(2)];
            h->m = frame_alloc(h->d, h->order, fake_below(3) ? 0 : 20 + fake_below(6), 0);
            h->live = !mfn_eq(h->m, MFN_NONE);
            if (h->live) {
                uint8_t *p = mfn_ptr(h->m);

                for (uint64_t i = 0; h->d == dom[1] && i < FRAME_SIZE << h->order; i += 64)
                    CHECK_EQ(p[i], 0);
                memset(p, 0xee, FRAME_SIZE << h->order);
            }
            break;
        }
        if (step % 16 == 0)
            CHECK_EQ(frame_audit(), 0);
    }
    for (unsigned int i = 0; i < 2; i++) {
        dom[i]->dying = DOM_DYING;
        fake_preempt_in = 3;
        while (mem_relinquish(dom[i]) == HC_AGAIN)
            fake_preempt_in = 3;
        fake_preempt_in = 0;
    }
    for (unsigned int i = 0; i < 64; i++) {
        while (held[i].refs--)
            page_put(held[i].m);
        while (held[i].uses--)
            page_put_use(held[i].m);
    }
    CHECK_EQ(frame_audit(), 0);
    mm_domain_end(dom[0]);
    mm_domain_end(dom[1]);
    CHECK_EQ(frame_free_count(), free_before + 2); /* their own pages of bits, too */
}

/* Who gave a frame back may still write to it until all CPUs have flushed: that hurts nobody. */
static void test_stale_writes(void)
{
    struct domain *d;
    mfn_t given[600];
    unsigned int reached = 0; /* given[reached..i]: by stale entries */

    mm_init(FRAMES, 16);
    d = mm_domain(1, 1000);
    for (unsigned int i = 0; i < 600; i++)
        given[i] = frame_alloc(d, 0, 0, 0);
    uint64_t before = frame_free_count();
    mm_flushes = 0;
    for (unsigned int i = 0; i < 600; i++) {
        unsigned int flushes = mm_flushes;

        CHECK_EQ(frame_drop(given[i], d), 0);
        if (mm_flushes != flushes)
            reached = i + 1;
        for (unsigned int k = reached; k <= i; k++)
            memset(mfn_ptr(given[k]), 0x5a, FRAME_SIZE);
        CHECK_EQ(frame_audit(), 0);
    }
    CHECK_EQ(mm_flushes, 9);
    CHECK_EQ(frame_free_count(), before + 600);
    /* All there is can be had, also what no CPU had flushed for yet, and is clean. */
    for (uint64_t left = frame_free_count(); left; left--) {
        mfn_t m = frame_alloc(NULL, 0, 0, 0);
        CHECK(!mfn_eq(m, MFN_NONE) && all_zero(m, 0));
    }
    CHECK_EQ(mm_flushes, 10);
    mm_domain_end(d);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        fake_seed = strtoull(argv[1], NULL, 0);
    printf("seed %#lx\n", fake_seed);
    test_alloc();
    test_contents();
    test_counts();
    test_no_owner();
    test_claims();
    test_stale_writes();
    test_walk();
    puts("ok");
    return 0;
}
