/*
 * core/pgtype and hc/mmu.c: cases of each rule, then a seeded random walk of two domains over all
 * operations, cut short at random points and sometimes left there. After each step every count of
 * every frame must be exactly what the tables, pins, base pointers and pending drops add up to.
 */
#include "fake_mm.h"

#include <string.h>

#include "core/insn/insn.h"
#include "core/pgtype/entry.h"
#include "hc/hc.h"

#define FRAMES 1024u
#define POOL   48u

static struct domain *zero, *one;
static mfn_t pool[2][POOL]; /* frames of each domain; used as the levels of `meant` */

static unsigned int meant(unsigned int i)
{
    return i < 4 ? 4 : i < 10 ? 3 : i < 18 ? 2 : i < 30 ? 1 : 0;
}

static mfn_t any_of(unsigned int dom, unsigned int level)
{
    static const unsigned int from[5] = {30, 18, 10, 4, 0}, count[5] = {18, 12, 8, 6, 4};

    return pool[dom][from[level] + fake_below(count[level])];
}

static uint64_t *table(mfn_t m)
{
    return mfn_ptr(m);
}

static uint64_t entry(mfn_t m, uint64_t flags)
{
    return mfn_maddr(m) | flags;
}

/* ---- what must always hold ---------------------------------------------------------------------
 */

static struct pgt_tally tally[FRAMES];

static void add_use(mfn_t m)
{
    if (m.n && !mfn_eq(m, MFN_NONE))
        tally[m.n].uses++;
}

static void verify(void)
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

static long hypercall(hc_fn *fn, struct vcpu *v, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
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

static long update(struct vcpu *v, uint64_t ptr, uint64_t val, uint64_t who)
{
    uint64_t request[2] = {ptr, val};

    memcpy(fake_guest, request, sizeof(request));
    return hypercall(hc_mmu_update, v, FAKE_GUEST_VA, 1, 0, who);
}

static long ext(struct vcpu *v, unsigned int cmd, mfn_t m)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = m.n};

    memcpy(fake_guest, &op, sizeof(op));
    return hypercall(hc_mmuext_op, v, FAKE_GUEST_VA, 1, 0, DOMID_SELF);
}

static void start(void)
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

static void finish(void)
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

/* ---- cases
 * --------------------------------------------------------------------------------------- */

/* L4 -> L3 -> L2 -> L1 of domain one, the L1 holding one entry; returns the L4. */
static mfn_t tree(uint64_t l1_entry)
{
    mfn_t l4 = pool[1][0], l3 = pool[1][4], l2 = pool[1][10], l1 = pool[1][18];

    table(l4)[0] = entry(l3, PTE_P | PTE_RW | PTE_US);
    table(l3)[0] = entry(l2, PTE_P | PTE_RW);
    table(l2)[0] = entry(l1, PTE_P | PTE_RW | PTE_US);
    table(l1)[3] = l1_entry;
    return l4;
}

static void test_entries(void)
{
    static const struct {
        uint64_t flags;
        int target; /* 0 data, 1 the L1 itself, 2 dom0's frame, 3 free, 4 beyond, 5 hypervisor's */
        long pin;
        uint64_t reads; /* flags as stored, if pin is 0 */
    } rows[] = {
        {PTE_P | PTE_RW | PTE_US, 0, 0, PTE_P | PTE_RW | PTE_US},
        {PTE_P | PTE_RW, 0, 0, PTE_P | PTE_RW | PTE_US | PTE_KERNEL},
        {PTE_P | PTE_G | PTE_NX, 0, 0, PTE_P | PTE_US | PTE_KERNEL | PTE_NX},
        {PTE_P | PTE_US, 1, 0, PTE_P | PTE_US},
        {PTE_P | PTE_US | PTE_RW, 1, -XEN_EBUSY, 0},
        {PTE_P, 2, -XEN_EBUSY, 0},
        {PTE_P | PTE_RW, 3, -XEN_EBUSY, 0},
        {PTE_P, 4, -XEN_EPERM, 0},
        {PTE_P, 5, -XEN_EBUSY, 0},
        {PTE_P | PTE_PCD, 0, -XEN_EINVAL, 0},
        {PTE_P | PTE_PAT, 0, -XEN_EINVAL, 0},
        {PTE_RW | PTE_PCD | PTE_G, 4, 0, PTE_RW | PTE_PCD | PTE_G}, /* not present: the guest's */
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
        mfn_t targets[6], l4;
        uint64_t e;

        start();
        targets[0] = pool[1][30];
        targets[1] = pool[1][18];
        targets[2] = pool[0][30];
        targets[3] = mfn(frame_alloc(NULL, 0, 0, 0).n);
        frame_free(targets[3], 0);
        targets[4] = mfn(FRAMES + 5);
        targets[5] = mfn(3);
        e = entry(targets[rows[i].target], rows[i].flags);
        l4 = tree(e);
        CHECK_EQ(ext(one->vcpu[0], MMUEXT_PIN_L4_TABLE, l4), rows[i].pin);
        verify();
        if (!rows[i].pin) {
            CHECK_EQ(table(pool[1][18])[3], entry(targets[rows[i].target], rows[i].reads));
            CHECK_EQ(table(pool[1][4])[0] & PTE_US, PTE_US);
            CHECK_EQ(table(l4)[HV_SLOT + 7], 0xbad007);
            CHECK_EQ(ext(one->vcpu[0], MMUEXT_PIN_L4_TABLE, l4), -XEN_EINVAL);
            CHECK_EQ(ext(one->vcpu[0], MMUEXT_UNPIN_TABLE, l4), 0);
        }
        verify();
        CHECK_EQ(ext(one->vcpu[0], MMUEXT_UNPIN_TABLE, l4), -XEN_EINVAL);
        CHECK_EQ(frame_words[l4.n] & FRAME_USES, 0);
        CHECK_EQ(frame_words[pool[1][18].n] & FRAME_USES, 0);
        finish();
    }
}

static void test_updates(void)
{
    struct vcpu *v;
    mfn_t l4, l1, data;
    uint64_t at;

    start();
    v = one->vcpu[0];
    l1 = pool[1][18];
    data = pool[1][30];
    at = mfn_maddr(l1) + 8;
    l4 = tree(0);
    CHECK_EQ(ext(v, MMUEXT_PIN_L4_TABLE, l4), 0);
    CHECK_EQ(update(v, at, entry(data, PTE_P | PTE_RW), DOMID_SELF), 0);
    verify();
    /* The shortest path keeps the count, changes bits, and nothing but those. */
    CHECK_EQ(update(v, at, entry(data, PTE_P | PTE_RW | PTE_D | PTE_NX), DOMID_SELF), 0);
    CHECK_EQ(table(l1)[1], entry(data, PTE_P | PTE_RW | PTE_US | PTE_KERNEL | PTE_D | PTE_NX));
    CHECK_EQ(update(v, at | MMU_PT_UPDATE_PRESERVE_AD, entry(data, PTE_P | PTE_RW), DOMID_SELF), 0);
    CHECK_EQ(table(l1)[1] & PTE_D, PTE_D);
    CHECK_EQ(update(v, at, entry(data, PTE_P | PTE_RW | PTE_PCD), DOMID_SELF), -XEN_EINVAL);
    CHECK_EQ(update(v, at, entry(data, PTE_P), DOMID_SELF), 0);
    verify();
    /* Upper levels: no superpage by the path that changes bits, none by any. */
    CHECK_EQ(
        update(v, mfn_maddr(pool[1][10]), entry(l1, PTE_P | PTE_RW | PTE_US | PTE_PS), DOMID_SELF),
        -XEN_EINVAL);
    CHECK_EQ(update(v, mfn_maddr(pool[1][10]), entry(l1, PTE_P | PTE_US), DOMID_SELF), 0);
    CHECK_EQ(update(v, mfn_maddr(pool[1][10]) + 8, entry(pool[1][10], PTE_P), DOMID_SELF),
             -XEN_EINVAL);
    CHECK_EQ(update(v, mfn_maddr(l4) + 8, entry(l4, PTE_P), DOMID_SELF), -XEN_EINVAL);
    for (unsigned int i = 0; i < 16; i++)
        CHECK_EQ(update(v, mfn_maddr(l4) + (HV_SLOT + i) * 8, 0, DOMID_SELF), -XEN_EINVAL);
    verify();
    /* Tables are not written as data; data is; strangers' is not. */
    CHECK_EQ(update(v, mfn_maddr(data) + 16, 0x1234, DOMID_SELF), 0);
    CHECK_EQ(table(data)[2], 0x1234);
    CHECK_EQ(update(v, mfn_maddr(pool[0][30]), 1, DOMID_SELF), -XEN_EINVAL);
    CHECK_EQ(update(v, mfn_maddr(data) + 4, 1, DOMID_SELF), -XEN_ENOSYS);
    CHECK_EQ(update(v, ~7UL, 1, DOMID_SELF), -XEN_EINVAL);
    CHECK_EQ(update(v, at, 0, 0), -XEN_EPERM);
    CHECK_EQ(update(v, at, 0, 1), -XEN_ESRCH);
    CHECK_EQ(update(v, mfn_maddr(data) | MMU_MACHPHYS_UPDATE, 77, DOMID_SELF), 0);
    CHECK_EQ(*m2p_slot(data), 77);
    CHECK_EQ(update(v, mfn_maddr(pool[0][1]) | MMU_MACHPHYS_UPDATE, 77, DOMID_SELF), -XEN_EINVAL);
    verify();
    /* dom0 maps one's frames in its own tables, and devices. */
    CHECK_EQ(ext(zero->vcpu[0], MMUEXT_PIN_L1_TABLE, pool[0][18]), 0);
    at = mfn_maddr(pool[0][18]);
    CHECK_EQ(update(zero->vcpu[0], at, entry(data, PTE_P | PTE_RW), 1), 0);
    CHECK_EQ(update(zero->vcpu[0], at, entry(l1, PTE_P | PTE_RW), 1), -XEN_EBUSY);
    CHECK_EQ(update(zero->vcpu[0], at, entry(data, PTE_P), DOMID_SELF), -XEN_EBUSY);
    CHECK_EQ(update(zero->vcpu[0], at, entry(data, PTE_P), 9), -XEN_ESRCH);
    CHECK_EQ(
        update(zero->vcpu[0], at + 8, entry(mfn(mm_io_full), PTE_P | PTE_RW | PTE_PCD), DOMID_IO),
        0);
    CHECK_EQ(
        update(zero->vcpu[0], at + 16, entry(mfn(mm_io_read_only), PTE_P | PTE_RW), DOMID_SELF), 0);
    CHECK_EQ(table(pool[0][18])[2] & PTE_RW, 0);
    CHECK_EQ(update(zero->vcpu[0], at + 24, entry(pool[0][30], PTE_P), DOMID_IO), -XEN_EBUSY);
    verify();
    mm_cache_flushes = 0;
    CHECK_EQ(
        update(zero->vcpu[0], at + 24, entry(pool[0][31], PTE_P | PTE_RW | PTE_PWT), DOMID_SELF),
        0);
    CHECK_EQ(frame_drop(pool[0][31], zero), 0);
    CHECK_EQ(update(zero->vcpu[0], at + 24, 0, DOMID_SELF), 0);
    CHECK_EQ(mm_cache_flushes, 1); /* freed: its uncached view ends */
    pool[0][31] = frame_alloc(zero, 0, 0, 0);
    finish();
}

/* Stale translations: a frame that was writable becomes a table only after a flush. */
static void test_flush(void)
{
    struct vcpu *v;

    start();
    v = one->vcpu[0];
    CHECK_EQ(ext(v, MMUEXT_PIN_L1_TABLE, pool[1][18]), 0);
    CHECK_EQ(update(v, mfn_maddr(pool[1][18]), entry(pool[1][19], PTE_P | PTE_RW), DOMID_SELF), 0);
    CHECK_EQ(update(v, mfn_maddr(pool[1][18]), 0, DOMID_SELF), 0);
    mm_flushes = 0;
    CHECK_EQ(ext(v, MMUEXT_PIN_L1_TABLE, pool[1][19]), 0);
    CHECK_EQ(mm_flushes, 1);
    CHECK_EQ(ext(v, MMUEXT_UNPIN_TABLE, pool[1][19]), 0);
    CHECK_EQ(ext(v, MMUEXT_PIN_L1_TABLE, pool[1][19]), 0); /* the same type again: none */
    CHECK_EQ(mm_flushes, 1);
    CHECK_EQ(ext(v, MMUEXT_UNPIN_TABLE, pool[1][19]), 0);
    CHECK_EQ(update(v, mfn_maddr(pool[1][18]), entry(pool[1][19], PTE_P | PTE_RW), DOMID_SELF), 0);
    CHECK_EQ(mm_flushes, 2);
    finish();
}

/* L1TF: entries that are not present must not name memory, on every way into a table. */
static void test_l1tf(void)
{
    static const uint8_t mov[] = {0x48, 0x89, 0x03}; /* mov %rax,(%rbx) */
    struct insn_regs regs = {.rip = FAKE_GUEST_VA};
    const uint64_t above = entry(mfn(FRAMES), PTE_RW), top = 0x000ffffffffff000;
    uint64_t bad[3], at;
    struct vcpu *v, *w;
    mfn_t l4;

    start();
    v = one->vcpu[0];
    w = zero->vcpu[0];
    bad[0] = entry(pool[1][30], 0);
    bad[1] = entry(pool[1][30], PTE_PS | PTE_RW);
    bad[2] = entry(pool[1][30], 0) | 1ul << 45; /* beyond what the cache looks at */
    pgt_l1tf = 1;
    pgt_l1tf_mask = (1ul << 44) - 1;
    for (unsigned int i = 0; i < 3; i++) {
        l4 = tree(bad[i]);
        CHECK_EQ(ext(v, MMUEXT_PIN_L4_TABLE, l4), -XEN_EINVAL);
        l4 = tree(0);
        table(l4)[7] = bad[i];
        CHECK_EQ(ext(v, MMUEXT_PIN_L4_TABLE, l4), -XEN_EINVAL);
        table(l4)[7] = 0;
        verify();
    }
    l4 = tree(entry(pool[1][18], PTE_P)); /* the L1 maps itself at 0x3000 */
    table(pool[1][18])[9] = above;
    table(pool[1][18])[10] = top | PTE_RW;
    table(pool[1][18])[11] = 0xffe; /* flags alone name nothing */
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, l4), 0);
    at = mfn_maddr(pool[1][18]) + 64;
    regs.gpr[INSN_RBX] = 0x3000 + 64;
    memcpy(fake_guest, mov, sizeof(mov));
    for (unsigned int i = 0; i < 3; i++) {
        CHECK_EQ(update(v, at, bad[i], DOMID_SELF), -XEN_EINVAL);
        CHECK_EQ(update(v, mfn_maddr(l4) + 64, bad[i], DOMID_SELF), -XEN_EINVAL);
        memcpy(fake_guest, mov, sizeof(mov));
        regs.gpr[INSN_RAX] = bad[i];
        fake_guest_call();
        CHECK(!pgt_write_fault(v, &regs, 0x3000 + 64));
        CHECK_EQ(table(pool[1][18])[8], 0);
    }
    CHECK_EQ(update(v, at, above, DOMID_SELF), 0);
    CHECK_EQ(update(v, at, 0, DOMID_SELF), 0);
    /* dom0 is told apart. */
    CHECK_EQ(ext(w, MMUEXT_PIN_L1_TABLE, pool[0][18]), 0);
    CHECK_EQ(update(w, mfn_maddr(pool[0][18]), bad[0], DOMID_SELF), 0);
    pgt_l1tf = 2;
    CHECK_EQ(update(w, mfn_maddr(pool[0][18]), bad[0], DOMID_SELF), -XEN_EINVAL);
    CHECK_EQ(update(v, at, bad[0], DOMID_SELF), 0);
    pgt_l1tf = 0;
    verify();
    finish();
}

static void test_descriptors(void)
{
    struct vcpu *v;
    mfn_t m;

    start();
    v = one->vcpu[0];
    m = pool[1][30];
    table(m)[1] = 0x00af9b000000ffffUL; /* a code segment of ring 0 */
    CHECK_EQ(page_get_use(m, one, PGT_SEGDESC), 0);
    CHECK_EQ(table(m)[1], 0x00affb000000ffffUL);
    CHECK_EQ(hypercall(hc_update_descriptor, v, mfn_maddr(m) + 16, 0x00cf93000000ffffUL, 0, 0), 0);
    CHECK_EQ(table(m)[2], 0x00cff3000000ffffUL);
    CHECK_EQ(hypercall(hc_update_descriptor, v, mfn_maddr(m) + 16, 0x0000ee00e033ffffUL, 0, 0),
             -XEN_EINVAL);
    CHECK_EQ(hypercall(hc_update_descriptor, v, mfn_maddr(m) + 17, 0, 0, 0), -XEN_EINVAL);
    CHECK_EQ(hypercall(hc_update_descriptor, v, mfn_maddr(pool[0][30]), 0, 0, 0), -XEN_EINVAL);
    CHECK_EQ(ext(v, MMUEXT_PIN_L1_TABLE, m), -XEN_EINVAL);
    page_put_use(m);
    table(m)[5] = 0x0000890000000067UL; /* a TSS */
    CHECK_EQ(page_get_use(m, one, PGT_SEGDESC), -XEN_EINVAL);
    verify();
    finish();
}

static void test_write_fault(void)
{
    static const uint8_t mov[] = {0x48, 0x89, 0x03}, /* mov %rax,(%rbx) */
        lock_and[] = {0xf0, 0x80, 0x23, 0xfd};       /* lock andb $0xfd,(%rbx) */
    struct insn_regs regs = {.rip = FAKE_GUEST_VA};
    struct vcpu *v;
    mfn_t l1, data;

    start();
    v = one->vcpu[0];
    l1 = pool[1][18];
    data = pool[1][30];
    /* The L1 maps itself, read-only, at its own entry 3: address 0x3000. */
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, tree(entry(l1, PTE_P))), 0);
    regs.gpr[INSN_RBX] = 0x3000 + 8;
    regs.gpr[INSN_RAX] = entry(data, PTE_P | PTE_RW);
    memcpy(fake_guest, mov, sizeof(mov));
    fake_guest_call();
    CHECK(pgt_write_fault(v, &regs, 0x3008));
    CHECK_EQ(regs.rip, FAKE_GUEST_VA + 3);
    CHECK_EQ(table(l1)[1], entry(data, PTE_P | PTE_RW | PTE_US | PTE_KERNEL));
    verify();
    regs.rip = FAKE_GUEST_VA;
    regs.gpr[INSN_RAX] = entry(l1, PTE_P | PTE_RW);
    fake_guest_call();
    CHECK(!pgt_write_fault(v, &regs, 0x3008));
    CHECK_EQ(regs.rip, FAKE_GUEST_VA);
    memcpy(fake_guest, lock_and, sizeof(lock_and));
    fake_guest_call();
    CHECK(pgt_write_fault(v, &regs, 0x3008));
    CHECK_EQ(table(l1)[1], entry(data, PTE_P | PTE_US | PTE_KERNEL));
    verify();
    /* Not where the instruction writes; not a table; not mapped. */
    regs.rip = FAKE_GUEST_VA;
    fake_guest_call();
    CHECK(!pgt_write_fault(v, &regs, 0x3010));
    regs.gpr[INSN_RBX] = 0x1000;
    CHECK(!pgt_write_fault(v, &regs, 0x1000));
    CHECK(!pgt_write_fault(v, &regs, 0x9000));
    CHECK(!pgt_write_fault(v, &regs, HV_VIRT_START));
    verify();
    finish();
}

static void test_grants(void)
{
    struct vcpu *v;
    mfn_t l1, data;
    uint64_t pte;

    start();
    v = one->vcpu[0];
    l1 = pool[1][18];
    data = pool[0][30];
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, tree(0)), 0);
    pte = mfn_maddr(l1) + 40;
    CHECK_EQ(pgt_grant_map(v, zero, data, 0x5000, 2, 0), 0);
    CHECK_EQ(table(l1)[5] & PTE_AVAIL, 2u << 9);
    verify();
    CHECK_EQ(pgt_grant_unmap(v, data, 0x5000, PGT_GRANT_READONLY), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_unmap(v, pool[0][31], 0x5000, 0), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_unmap(v, data, 0x5000, 0), 0);
    CHECK_EQ(pgt_grant_unmap(v, data, 0x5000, 0), -XEN_EINVAL);
    verify();
    CHECK_EQ(pgt_grant_map(v, zero, data, pte, 0, PGT_GRANT_PTE | PGT_GRANT_READONLY), 0);
    verify();
    CHECK_EQ(pgt_grant_unmap(v, data, pte, PGT_GRANT_PTE | PGT_GRANT_READONLY), 0);
    CHECK_EQ(pgt_grant_map(v, zero, data, pte + 4, 0, PGT_GRANT_PTE), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_map(v, zero, data, 0x5008, 0, 0), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_map(v, zero, data, HV_VIRT_START, 0, 0), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_map(v, zero, data, mfn_maddr(pool[1][10]), 0, PGT_GRANT_PTE), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_map(v, zero, data, mfn_maddr(pool[0][18]), 0, PGT_GRANT_PTE), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_map(v, zero, data, mfn_maddr(data), 0, PGT_GRANT_PTE), -XEN_EINVAL);
    verify();
    /* The second finds the table by what the first remembers; neither keeps its use. */
    uint64_t before = *frame_word(l1) & FRAME_USES;
    CHECK_EQ(pgt_grant_map(v, zero, data, 0x5000, 0, 0), 0);
    CHECK_EQ(pgt_grant_map(v, zero, data, 0x6000, 0, PGT_GRANT_READONLY), 0);
    CHECK_EQ(pgt_grant_unmap(v, data, 0x6000, 0), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_unmap(v, data, 0x6008, PGT_GRANT_READONLY), -XEN_EINVAL);
    CHECK_EQ(pgt_grant_unmap(v, data, 0x6000, PGT_GRANT_READONLY), 0);
    CHECK_EQ(pgt_grant_unmap(v, data, pte, PGT_GRANT_PTE), 0);
    CHECK_EQ(*frame_word(l1) & FRAME_USES, before);
    verify();
    finish();
}

/* The same frame, an L4 before and after, and in between the guest's to write. */
static void test_grants_on_new_l4(void)
{
    mfn_t l4, l3, l2, l1, other, data;
    struct vcpu *v;

    start();
    v = one->vcpu[0];
    l4 = tree(0);
    l1 = pool[1][18], l3 = pool[1][5], l2 = pool[1][11], other = pool[1][19], data = pool[0][30];
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, l4), 0);
    CHECK_EQ(pgt_grant_map(v, zero, data, 0x5000, 0, 0), 0);
    CHECK_EQ(pgt_grant_unmap(v, data, 0x5000, 0), 0);
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, pool[1][1]), 0);
    table(l4)[0] = entry(l3, PTE_P | PTE_RW | PTE_US);
    table(l3)[0] = entry(l2, PTE_P | PTE_RW | PTE_US);
    table(l2)[0] = entry(other, PTE_P | PTE_RW | PTE_US);
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, l4), 0);
    CHECK_EQ(ext(v, MMUEXT_PIN_L1_TABLE, l1), 0);
    CHECK_EQ(pgt_grant_map(v, zero, data, 0x5000, 0, 0), 0);
    CHECK_EQ(pte_frame(table(other)[5]), data.n);
    verify();
    finish();
}

/* A table that leads to two of the level below, each by entry 0 or 1. */
static void lead_somewhere(mfn_t m, unsigned int level)
{
    for (unsigned int i = 0; i < 2; i++)
        table(m)[i] = entry(any_of(1, level - 1), PTE_P | PTE_RW | PTE_US);
}

/* Where a grant goes must be where the tables lead now, whatever led there before. */
static void test_grants_follow_tables(void)
{
    static const unsigned int how[] = {MMUEXT_NEW_BASEPTR, MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE};
    unsigned int mapped = 0;
    struct vcpu *v;

    start();
    v = one->vcpu[0];
    for (unsigned int i = 0; i < 18; i++)
        lead_somewhere(pool[1][i], meant(i));
    CHECK_EQ(ext(v, MMUEXT_NEW_BASEPTR, pool[1][0]), 0);
    for (unsigned int i = 0; i < 8000; i++) {
        uint64_t at = (uint64_t)fake_below(2) << 39 | (uint64_t)fake_below(2) << 30 |
                      (uint64_t)fake_below(2) << 21 | (uint64_t)fake_below(3) << 12;
        unsigned int l4 = fake_below(4), changed = fake_below(18);
        mfn_t m = any_of(0, 0);
        uint64_t pte;

        if (fake_below(2) && !pgt_grant_map(v, zero, m, at, 0, PGT_GRANT_READONLY)) {
            mapped++;
            CHECK_EQ(pgt_walk_entry(v, at, &pte), 0);
            CHECK_EQ(pte_frame(pte), m.n);
            CHECK_EQ(pgt_grant_unmap(v, m, at, PGT_GRANT_READONLY), 0);
        }
        if (!(frame_words[pool[1][l4].n] & FRAME_USES)) /* it is none, and the guest writes it */
            lead_somewhere(pool[1][l4], 4);
        if (fake_below(3))
            (void)update(v, mfn_maddr(pool[1][changed]) + 8 * fake_below(2),
                         entry(any_of(1, meant(changed) - 1), PTE_P | PTE_RW | PTE_US), DOMID_SELF);
        else
            (void)ext(v, how[fake_below(3)], pool[1][l4]);
    }
    CHECK(mapped > 200);
    verify();
    finish();
}

/* ---- the walk
 * ------------------------------------------------------------------------------------ */

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
    test_entries();
    test_updates();
    test_flush();
    test_l1tf();
    test_descriptors();
    test_write_fault();
    test_grants();
    test_grants_on_new_l4();
    test_grants_follow_tables();
    for (unsigned int round = 0; round < 4; round++)
        test_walk(steps);
    puts("ok");
    return 0;
}
