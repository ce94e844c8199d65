/*
 * Property: mmu_update. Entries at each level, written through the machine address; flags the
 * hypervisor adds or strips; batches that stop at the first bad entry and tell how many were done;
 * PRESERVE_AD; MACHPHYS; the plain data page that is no table; and all refusals.
 */
#include "pvk.h"

static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));

static uint64_t window_pte_maddr(void)
{
    return va_to_maddr(pte_of(window, 1));
}

static long update(struct mmu_update *u, unsigned int n, unsigned int *done)
{
    unsigned int count = 0xdead;
    long rc = HC(__HYPERVISOR_mmu_update, u, n, &count, DOMID_SELF);
    *done = count;
    return rc;
}

static void normal(void)
{
    uint64_t *entry = pte_of(window, 1), frame = va_to_maddr(window), at = window_pte_maddr();
    static const struct {
        const char *what;
        uint64_t flags;
    } cases[] = {
        {"P W U A D", PTE_RW},
        {"P W A D (no U)", PTE_P | PTE_W | PTE_A | PTE_D},
        {"P U", PTE_P | PTE_U},
        {"P W U G", PTE_P | PTE_W | PTE_U | PTE_G},
        {"P W G (no U)", PTE_P | PTE_W | PTE_G},
        {"P U NX", PTE_P | PTE_U | PTE_NX},
        {"P U PWT", PTE_P | PTE_U | PTE_PWT},
        {"P U PCD", PTE_P | PTE_U | PTE_PCD},
        {"P U PAT", PTE_P | PTE_U | PTE_PS},
        {"P U avail 9..11", PTE_P | PTE_U | 0xe00},
        {"P U bit 52", PTE_P | PTE_U | PTE_GUEST_KERNEL},
        {"P U bits 53..58", PTE_P | PTE_U | 0x3fUL << 53},
        {"P U bits 59..62", PTE_P | PTE_U | 0xfUL << 59},
        {"not present, all flags", 0xffeUL | PTE_NX},
        {"not present, frame past the end", 0x000ffffffffff000UL},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t value = cases[i].flags | (cases[i].flags & PTE_FRAME ? 0 : frame);
        long rc = mmu_set(at, value);
        say("L1 %s: %s, reads %lx", cases[i].what, rc_name(rc), pte_flags(*entry));
    }
    mmu_set(at, frame | PTE_RW);
}

static void refusals(void)
{
    uint64_t frame = va_to_maddr(window), at = window_pte_maddr();
    uint8_t *data = page_get();

    say("frame past the end: %s", rc_name(mmu_set(at, 0x000ffffffff000UL | PTE_RW)));
    say("frame with bits above the address width: %s",
        rc_name(mmu_set(at, 0x000ff00000000000UL | PTE_RW)));
    say("frame of the hypervisor: %s", rc_name(mmu_set(at, (kernel_l4[260] & PTE_FRAME) | PTE_RO)));
    say("frame of the hypervisor's text: %s",
        rc_name(mmu_set(at, (kernel_l4[261] & PTE_FRAME) | PTE_RO)));
    say("a page table, writable: %s", rc_name(mmu_set(at, va_to_maddr(kernel_l4) | PTE_RW)));
    say("a page table, read-only: %s", rc_name(mmu_set(at, va_to_maddr(kernel_l4) | PTE_RO)));
    mmu_set(at, frame | PTE_RW);
    say("ptr of unknown type 3 on an L1: %s", rc_name(mmu_set(at | 3, frame | PTE_RW)));
    say("ptr of unknown type 4: %s", rc_name(mmu_set(at | 4, frame | PTE_RW)));
    say("ptr misaligned to 4 (type 4 is none): %s", rc_name(mmu_set(at + 4, frame | PTE_RW)));
    say("ptr past the end: %s", rc_name(mmu_set(0x000ffffffff000UL, frame | PTE_RW)));
    say("ptr in a hypervisor frame: %s", rc_name(mmu_set(kernel_l4[260] & PTE_FRAME, 0)));
    say("ptr in a plain page: %s", rc_name(mmu_set(va_to_maddr(data) + 16, 0x1234567812345678UL)));
    say("the plain page then holds %lx", ((uint64_t *)data)[2]);
    say("ptr in shared_info: %s", rc_name(mmu_set(start_info->shared_info + 0x900, 0)));
    page_put(data);
}

static void higher_levels(void)
{
    uint64_t l4 = va_to_maddr(kernel_l4), slot = 100 * 8;
    uint64_t *l3 = page_get(), *l2 = page_get(), *l1 = page_get();

    say("L4 slot 256: %s", rc_name(mmu_set(l4 + 256 * 8, 0)));
    say("L4 slot 271: %s", rc_name(mmu_set(l4 + 271 * 8, 0)));
    say("L4 slot 272 to 0: %s", rc_name(mmu_set(l4 + 272 * 8, 0)));
    say("L4 entry to a page that is mapped writable: %s",
        rc_name(mmu_set(l4 + slot, va_to_maddr(l3) | PTE_TABLE)));
    page_protect(l1);
    page_protect(l2);
    page_protect(l3);
    say("L4 entry to an empty page: %s", rc_name(mmu_set(l4 + slot, va_to_maddr(l3) | PTE_TABLE)));
    say("L4 entry reads %lx", pte_flags(kernel_l4[100]));
    say("L3 entry: %s", rc_name(mmu_set(va_to_maddr(l3), va_to_maddr(l2) | PTE_TABLE)));
    say("L3 entry without U: %s",
        rc_name(mmu_set(va_to_maddr(l3), va_to_maddr(l2) | (PTE_TABLE & ~PTE_U))));
    say("L3 entry reads %lx", pte_flags(l3[0]));
    say("L3 entry as superpage: %s", rc_name(mmu_set(va_to_maddr(l3) + 8, PTE_RW | PTE_PS)));
    say("L2 entry: %s", rc_name(mmu_set(va_to_maddr(l2), va_to_maddr(l1) | PTE_TABLE)));
    say("L2 entry reads %lx", pte_flags(l2[0]));
    say("L2 entry as superpage: %s",
        rc_name(mmu_set(va_to_maddr(l2) + 8, (va_to_maddr(l1) & ~0x1fffffUL) | PTE_RW | PTE_PS)));
    say("L2 entry with G: %s",
        rc_name(mmu_set(va_to_maddr(l2), va_to_maddr(l1) | PTE_TABLE | PTE_G)));
    say("L2 entry not present with flags: %s", rc_name(mmu_set(va_to_maddr(l2) + 16, 0xffe)));
    say("L2 entry to an L3: %s",
        rc_name(mmu_set(va_to_maddr(l2) + 8, va_to_maddr(l3) | PTE_TABLE)));
    say("L1 entry of the new tree: %s",
        rc_name(mmu_set(va_to_maddr(l1), va_to_maddr(window) | PTE_RW)));
    volatile uint64_t *there = (uint64_t *)(100UL << 39);
    *(volatile uint64_t *)window = 0x1122334455667788UL;
    say("reading through it: %lx", *there);
    say("L4 entry cleared: %s", rc_name(mmu_set(l4 + slot, 0)));
    mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    PROBE("mov (%0), %%rax", ::"r"(there) : "rax");
    say("reading then: %s", fault_name());
    page_unprotect(l3);
    page_unprotect(l2);
    page_unprotect(l1);
    say("the L1 still holds its entry: %d", (int)(l1[0] & 1));
    page_put(l3);
    page_put(l2);
    page_put(l1);
}

static void batches(void)
{
    uint64_t frame = va_to_maddr(window), at = window_pte_maddr();
    struct mmu_update u[40];
    unsigned int done;

    for (unsigned int i = 0; i < 40; i++)
        u[i] = (struct mmu_update){.ptr = at, .val = frame | (i & 1 ? PTE_RO : PTE_RW)};
    long rc = update(u, 40, &done);
    say("batch of 40: %s, %u done", rc_name(rc), done);
    u[17].val = 0x000ffffffffff000UL | PTE_RW;
    rc = update(u, 40, &done);
    say("batch whose entry 17 is bad: %s, %u done", rc_name(rc), done);
    rc = update(u, 0, &done);
    say("batch of none: %s, %u done", rc_name(rc), done);
    rc = HC(__HYPERVISOR_mmu_update, u, 3, 0, DOMID_SELF);
    say("without a place for the count: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, BAD_POINTER, DOMID_SELF);
    say("with a bad place for the count: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, BAD_POINTER, 3, &done, DOMID_SELF);
    say("with bad entries: %s, %u done", rc_name(rc), done);
    rc = HC(__HYPERVISOR_mmu_update, HV_POINTER, 3, &done, DOMID_SELF);
    say("with entries in the hypervisor: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, NONCANONICAL_POINTER, 3, &done, DOMID_SELF);
    say("with non-canonical entries: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, &done, 1234);
    say("on nobody's frames: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, &done, DOMID_XEN);
    say("on DOMID_XEN's frames: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, &done, DOMID_IO);
    say("on DOMID_IO's frames: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, &done, 0);
    say("on our own by number: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, &done, DOMID_SELF | (1234 + 1) << 16);
    say("tables of nobody: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmu_update, u, 3, &done, DOMID_SELF | 1 << 16);
    say("tables of domain 0 by number: %s", rc_name(rc));
    mmu_set(at, frame | PTE_RW);
}

static void preserve(void)
{
    uint64_t frame = va_to_maddr(window), at = window_pte_maddr(), *entry = pte_of(window, 1);

    mmu_set(at, frame | PTE_P | PTE_W | PTE_U);
    *(volatile uint64_t *)window = 1;
    say("A and D set by a write: %lx", *entry & (PTE_A | PTE_D));
    long rc = mmu_set(at | MMU_PT_UPDATE_PRESERVE_AD, frame | PTE_P | PTE_U);
    say("PRESERVE_AD: %s, A and D %lx", rc_name(rc), *entry & (PTE_A | PTE_D));
    rc = mmu_set(at, frame | PTE_P | PTE_U);
    say("NORMAL: %s, A and D %lx", rc_name(rc), *entry & (PTE_A | PTE_D));
    rc = mmu_set(at | MMU_PT_UPDATE_NO_TRANSLATE, frame | PTE_P | PTE_U);
    say("NO_TRANSLATE: %s", rc_name(rc));
    mmu_set(at, frame | PTE_RW);
    mmuext(MMUEXT_INVLPG_LOCAL, U(window), 0);
}

static void machphys(void)
{
    uint64_t mfn = va_to_mfn(window), pfn = *m2p_entry(mfn);

    long rc = mmu_set(mfn << 12 | MMU_MACHPHYS_UPDATE, 0x12345);
    say("MACHPHYS: %s, reads %lx", rc_name(rc), *m2p_entry(mfn));
    rc = mmu_set(mfn << 12 | MMU_MACHPHYS_UPDATE, pfn);
    say("MACHPHYS back: %s, right: %d", rc_name(rc), *m2p_entry(mfn) == pfn);
    say("MACHPHYS of a hypervisor frame: %s",
        rc_name(mmu_set((kernel_l4[260] & PTE_FRAME) | MMU_MACHPHYS_UPDATE, 1)));
    say("MACHPHYS past the end: %s",
        rc_name(mmu_set(0x000ffffffffff000UL | MMU_MACHPHYS_UPDATE, 1)));
    rc = mmu_set(mfn << 12 | 0x8 | MMU_MACHPHYS_UPDATE, pfn);
    say("MACHPHYS with an offset: %s", rc_name(rc));
}

static void run(void)
{
    normal();
    refusals();
    higher_levels();
    batches();
    preserve();
    machphys();
}
PROPERTY(mmu_update, "mmu-update", run);
