/*
 * Property: what keeps page tables and writable pages apart. A frame that is mapped writable cannot
 * become a table and a table cannot be mapped writable; segment-descriptor pages likewise; the last
 * reference decides; a table of one level is not one of another; tables that map themselves; a
 * second writable mapping.
 */
#include "pvk.h"

static uint8_t window[2][PAGE_SIZE] __attribute__((aligned(4096)));

static long map(unsigned int w, const void *page, uint64_t flags)
{
    return pte_try(window[w], va_to_maddr(page) | flags, UVMF_INVLPG);
}

static void unmap(unsigned int w)
{
    pte_set(window[w], 0);
}

static void writable_or_table(void)
{
    uint64_t *page = page_get(), mfn = va_to_mfn(page);

    say("second writable mapping: %s", rc_name(map(0, page, PTE_RW)));
    page_protect(page);
    say("pin while one writable mapping is left: %s", rc_name(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0)));
    say("that one to read-only: %s", rc_name(map(0, page, PTE_RO)));
    say("pin: %s", rc_name(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0)));
    say("read-only mapping of a table: %s", rc_name(map(1, page, PTE_RO)));
    say("writable mapping of a table: %s", rc_name(map(1, page, PTE_RW)));
    say("unpin: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0)));
    say("writable mapping then: %s", rc_name(map(1, page, PTE_RW)));
    unmap(0);
    unmap(1);
    page_unprotect(page);
    page_put(page);
}

static void levels(void)
{
    uint64_t *l1 = page_get(), *l2 = page_get(), *other = page_get();

    l2[0] = va_to_maddr(l1) | PTE_TABLE;
    page_protect(l1);
    page_protect(l2);
    page_protect(other);
    say("pin an L2 over an L1: %s", rc_name(mmuext(MMUEXT_PIN_L2_TABLE, va_to_mfn(l2), 0)));
    say("the L1 pinned too: %s", rc_name(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(l1), 0)));
    say("the L1 as L2: %s", rc_name(mmuext(MMUEXT_PIN_L2_TABLE, va_to_mfn(l1), 0)));
    say("unpin the L2: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l2), 0)));
    say("the L1 writable while pinned: %s", rc_name(map(0, l1, PTE_RW)));
    say("the L2 writable: %s", rc_name(map(0, l2, PTE_RW)));
    unmap(0);
    say("unpin the L1: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l1), 0)));
    say("the L1 writable: %s", rc_name(map(0, l1, PTE_RW)));
    unmap(0);
    /* Twice in one L2, then one use taken away. */
    page_unprotect(l2);
    l2[1] = l2[0];
    page_protect(l2);
    say("pin an L2 with one L1 twice: %s", rc_name(mmuext(MMUEXT_PIN_L2_TABLE, va_to_mfn(l2), 0)));
    say("clear the first: %s", rc_name(mmu_set(va_to_maddr(l2), 0)));
    say("the L1 writable: %s", rc_name(map(0, l1, PTE_RW)));
    say("clear the second: %s", rc_name(mmu_set(va_to_maddr(l2) + 8, 0)));
    say("the L1 writable: %s", rc_name(map(0, l1, PTE_RW)));
    unmap(0);
    say("unpin: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l2), 0)));
    page_unprotect(l1);
    page_unprotect(l2);
    page_unprotect(other);
    page_put(l1);
    page_put(l2);
    page_put(other);
}

/* Linear page tables are a matter of configuration (Argon refuses them), so their results are not
 * compared. */
static void linear(void)
{
    uint64_t *l4 = page_get(), *l2 = page_get();

    l4[5] = va_to_maddr(l4) | PTE_P | PTE_U | PTE_A;
    page_protect(l4);
    long rc = mmuext(MMUEXT_PIN_L4_TABLE, va_to_mfn(l4), 0);
    note("pin an L4 that is its own L3, read-only: %s", rc_name(rc));
    if (!rc)
        mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l4), 0);
    page_unprotect(l4);
    l4[5] = va_to_maddr(l4) | PTE_TABLE;
    page_protect(l4);
    rc = mmuext(MMUEXT_PIN_L4_TABLE, va_to_mfn(l4), 0);
    say("pin an L4 that is its own L3, writable: %s", rc_name(rc));
    page_unprotect(l4);
    l2[0] = va_to_maddr(l2) | PTE_TABLE;
    page_protect(l2);
    rc = mmuext(MMUEXT_PIN_L2_TABLE, va_to_mfn(l2), 0);
    say("pin an L2 that is its own L1, writable: %s", rc_name(rc));
    page_unprotect(l2);
    page_put(l4);
    page_put(l2);
}

static void reserved_slots(void)
{
    uint64_t *l4 = page_get(), *l3 = page_get();

    for (unsigned int i = 256; i < 272; i++)
        l4[i] = 0x123456789abcdef1UL;
    page_protect(l4);
    say("pin an L4 with garbage in the hypervisor's slots: %s",
        rc_name(mmuext(MMUEXT_PIN_L4_TABLE, va_to_mfn(l4), 0)));
    unsigned int garbage = 0;
    for (unsigned int i = 256; i < 272; i++)
        garbage += l4[i] == 0x123456789abcdef1UL;
    say("garbage left there: %u", garbage);
    say("write to slot 257: %s", rc_name(mmu_set(va_to_maddr(l4) + 257 * 8, 0)));
    say("unpin: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l4), 0)));
    page_unprotect(l4);
    page_put(l4);
    page_put(l3);
}

static void foreign(void)
{
    /* Low memory and devices are not RAM of ours; dom0 may map them, read and write. */
    say("the VGA hole, writable: %s",
        rc_name(pte_try(window[0], 0xb8000 | PTE_RW | PTE_PCD, UVMF_INVLPG)));
    say("the BIOS, read-only: %s", rc_name(pte_try(window[0], 0xf0000 | PTE_RO, UVMF_INVLPG)));
    say("the local APIC: %s",
        rc_name(pte_try(window[0], 0xfee00000 | PTE_RW | PTE_PCD, UVMF_INVLPG)));
    say("the IO-APIC, writable: %s",
        rc_name(pte_try(window[0], 0xfec00000 | PTE_RW | PTE_PCD, UVMF_INVLPG)));
    say("shared_info, writable: %s",
        rc_name(pte_try(window[0], start_info->shared_info | PTE_RW, UVMF_INVLPG)));
    say("the m2p's frame, read-only: %s",
        rc_name(pte_try(window[0], (*(kernel_l4 + 256) & PTE_FRAME) | PTE_RO, UVMF_INVLPG)));
    say("the m2p's frame, writable: %s",
        rc_name(pte_try(window[0], (*(kernel_l4 + 256) & PTE_FRAME) | PTE_RW, UVMF_INVLPG)));
    pte_set(window[0], 0);
}

static void run(void)
{
    unmap(0);
    unmap(1);
    writable_or_table();
    levels();
    linear();
    reserved_slots();
    foreign();
    page_unprotect(window[0]);
    page_unprotect(window[1]);
}
PROPERTY(page_types, "page-types", run);
