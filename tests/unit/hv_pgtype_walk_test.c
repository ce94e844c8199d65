/*
 * core/pgtype and hc/mmu.c: a seeded random walk of two domains over all operations, cut short at
 * random points and sometimes left there. After each step every count of every frame must be
 * exactly what the tables, pins, base pointers and pending drops add up to.
 */
#include "hv_pgtype.h"

/* XPTI: the copy of an L4 that a processor runs on, once made, never differs from it. */
static void verify_copy(void)
{
    const uint64_t *l4 = mfn_ptr(mfn(mm_l4_watched));

    if (!mm_l4_watched) {
        mfn_t m = one->vcpu[0]->arch.kernel_l4;

        if (mfn_eq(m, MFN_NONE) || !m.n)
            return;
        mm_l4_watched = m.n;
        memcpy(mm_l4_copy, mfn_ptr(m), FRAME_SIZE);
    } else if (frame_words[mm_l4_watched] & FRAME_VALID) {
        CHECK_EQ(table_level(frame_words[mm_l4_watched]), 4);
        CHECK(!memcmp(l4, mm_l4_copy, FRAME_SIZE));
    }
}

static uint64_t some_flags(void)
{
    static const uint64_t rare[] = {PTE_PS, PTE_G, PTE_PCD, PTE_NX, PTE_D, PTE_KERNEL, 0x800};
    uint64_t flags = PTE_P | (fake_below(2) ? PTE_US : 0) | (fake_below(2) ? PTE_RW : 0);

    if (!fake_below(12))
        flags ^= rare[fake_below(ARRAY_SIZE(rare))];
    return fake_below(30) ? flags : flags & ~PTE_P;
}

/* An entry as it could be in a table of `level`; sometimes nonsense. */
static uint64_t some_entry(unsigned int dom, unsigned int level)
{
    uint64_t flags = some_flags();

    if (!fake_below(6))
        return 0;
    if (!fake_below(25))
        return entry(mfn(fake_below(FRAMES + 64)), flags);
    if (level > 1)
        return entry(any_of(dom, level - 1), flags);
    if (!fake_below(4))
        return entry(any_of(dom, fake_below(5)), flags & ~PTE_RW);
    return entry(any_of(dom, 0), flags);
}

/* The guest writes a frame that it may write. */
static void scribble(unsigned int dom)
{
    unsigned int i = fake_below(POOL);
    mfn_t m = pool[dom][i];
    uint64_t w = frame_words[m.n];

    if ((w & FRAME_USES) && table_level(w) != PGT_WRITABLE)
        return;
    memset(mfn_ptr(m), 0, FRAME_SIZE);
    for (unsigned int n = fake_below(7); n > 0; n--)
        table(m)[fake_below(4) ? fake_below(8) : fake_below(ENTRIES)] =
            some_entry(dom, meant(i) ? meant(i) : 1 + fake_below(4));
}

static void replace_frame(unsigned int dom)
{
    unsigned int i = fake_below(POOL);
    struct domain *d = dom ? one : zero;
    mfn_t m;

    if (frame_drop(pool[dom][i], d))
        return;
    m = frame_alloc(d, 0, 0, 0);
    CHECK(!mfn_eq(m, MFN_NONE));
    pool[dom][i] = m;
}

static void batch(struct vcpu *v, unsigned int dom)
{
    unsigned int n = 1 + fake_below(6);

    for (unsigned int k = 0; k < n; k++) {
        unsigned int i = fake_below(POOL);
        uint64_t request[2] = {
            mfn_maddr(pool[dom][i]) + 8 * (fake_below(4) ? fake_below(8) : fake_below(ENTRIES)) +
                (fake_below(3) ? MMU_NORMAL_PT_UPDATE : MMU_PT_UPDATE_PRESERVE_AD),
            some_entry(dom, meant(i) ? meant(i) : 1)};

        memcpy(fake_guest + k * 16, request, sizeof(request));
    }
    (void)hypercall(hc_mmu_update, v, FAKE_GUEST_VA, n, FAKE_GUEST_VA + 4096,
                    dom || fake_below(3) ? DOMID_SELF : 1);
}

static void walk_step(void)
{
    unsigned int dom = fake_below(2);
    struct vcpu *v = dom ? one->vcpu[0] : zero->vcpu[0];
    unsigned int level = 1 + fake_below(4);

    fake_preempt_in = fake_below(3) ? 0 : 1 + fake_below(6);
    switch (fake_below(10)) {
    case 0:
    case 1:
        scribble(dom);
        break;
    case 2:
    case 3:
        (void)ext(v, MMUEXT_PIN_L1_TABLE + level - 1,
                  fake_below(10) ? any_of(dom, level) : pool[fake_below(2)][fake_below(POOL)]);
        break;
    case 4:
        (void)ext(v, MMUEXT_UNPIN_TABLE, pool[dom][fake_below(30)]);
        break;
    case 5:
        (void)ext(v, MMUEXT_NEW_BASEPTR, any_of(dom, fake_below(9) ? 4 : fake_below(5)));
        break;
    case 6:
        (void)ext(v, MMUEXT_NEW_USER_BASEPTR, fake_below(4) ? any_of(dom, 4) : mfn(0));
        break;
    case 7:
        if (fake_below(4))
            batch(v, dom);
        else
            replace_frame(dom);
        break;
    case 8:
        if (!mfn_eq(v->arch.kernel_l4, MFN_NONE))
            (void)hypercall(hc_update_va_mapping, v, (uint64_t)fake_below(8) << 12,
                            some_entry(dom, 1), UVMF_INVLPG, 0);
        break;
    default:
        batch(v, dom);
        break;
    }
    fake_preempt_in = 0;
    verify();
    verify_copy();
}

static void test_walk(unsigned int steps)
{
    static unsigned int valid, partial;

    table_look_every = 1;
    pgt_l4_copied = true;
    mm_l4_watched = 0;
    start();
    for (unsigned int i = 0; i < steps; i++) {
        walk_step();
        for (unsigned int k = 0; k < 30; k++) {
            uint64_t w = frame_words[pool[1][k].n];

            valid += is_table(w) && (w & FRAME_VALID);
            partial += is_table(w) && (w & FRAME_USES) && !(w & FRAME_VALID);
        }
    }
    printf("%u steps: %u valid and %u partial tables seen\n", steps, valid, partial);
    CHECK(valid > steps && partial > 0); /* of all rounds so far */
    finish();
    table_look_every = 1024;
    pgt_l4_copied = false;
}

int main(int argc, char **argv)
{
    unsigned int steps = argc > 2 ? (unsigned int)atoi(argv[2]) : 8000;

    if (argc > 1)
        fake_seed = strtoull(argv[1], NULL, 0);
    printf("seed %#lx\n", fake_seed);
    for (unsigned int round = 0; round < 4; round++)
        test_walk(steps);
    puts("ok");
    return 0;
}
