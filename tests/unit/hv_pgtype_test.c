/* core/pgtype and hc/mmu.c: cases of each rule. */
#include "hv_pgtype.h"

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

int main(int argc, char **argv)
{
    if (argc > 1)
        fake_seed = strtoull(argv[1], NULL, 0);
    test_entries();
    test_updates();
    test_flush();
    test_l1tf();
    test_descriptors();
    test_write_fault();
    test_grants();
    test_grants_on_new_l4();
    test_grants_follow_tables();
    puts("ok");
    return 0;
}
