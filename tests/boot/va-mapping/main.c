/*
 * Property: update_va_mapping and update_va_mapping_otherdomain, with every flush flag: none, all
 * of the TLB, one page; local, all, by mask. The new mapping is in force after the call if a flush
 * was asked for.
 */
#include "pvk.h"

static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));

static void flushes(void)
{
    uint64_t *a = page_get(), *b = page_get();
    volatile uint64_t *here = (uint64_t *)window;
    uint64_t mask = 1;
    static const struct {
        const char *what;
        uint64_t flags;
        bool by_mask;
    } cases[] = {
        {"INVLPG local", UVMF_INVLPG | UVMF_LOCAL, false},
        {"INVLPG all", UVMF_INVLPG | UVMF_ALL, false},
        {"INVLPG by mask", UVMF_INVLPG, true},
        {"TLB_FLUSH local", UVMF_TLB_FLUSH | UVMF_LOCAL, false},
        {"TLB_FLUSH all", UVMF_TLB_FLUSH | UVMF_ALL, false},
        {"TLB_FLUSH by mask", UVMF_TLB_FLUSH, true},
    };

    *a = 0xa;
    *b = 0xb;
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t flags = cases[i].flags | (cases[i].by_mask ? U(&mask) : 0);
        pte_set(window, va_to_maddr(a) | PTE_RW);
        uint64_t first = *here;
        long rc = pte_try(window, va_to_maddr(b) | PTE_RW, flags);
        say("%s: %s, before %lx, after %lx", cases[i].what, rc_name(rc), first, *here);
    }
    pte_set(window, va_to_maddr(a) | PTE_RW);
    say("no flush: %s", rc_name(pte_try(window, va_to_maddr(b) | PTE_RW, UVMF_NONE)));
    say("flush type 3: %s", rc_name(pte_try(window, va_to_maddr(b) | PTE_RW, 3)));
    say("mask at a bad pointer: %s",
        rc_name(pte_try(window, va_to_maddr(a) | PTE_RW, UVMF_TLB_FLUSH | BAD_POINTER)));
    page_unprotect(window);
    page_put(a);
    page_put(b);
}

static void run(void)
{
    uint8_t *page = page_get();
    uint64_t frame = va_to_maddr(window);

    flushes();
    say("to nothing: %s", rc_name(pte_try(window, 0, UVMF_INVLPG)));
    PROBE("mov (%0), %%rax", ::"r"(window) : "rax");
    say("reading then: %s", fault_name());
    say("read-only: %s", rc_name(pte_try(window, frame | PTE_RO, UVMF_INVLPG)));
    PROBE("movq $0, (%0)", ::"r"(window) : "memory");
    say("writing then: %s", fault_name());
    say("no-execute: %s", rc_name(pte_try(window, frame | PTE_RO | PTE_NX, UVMF_INVLPG)));
    /* The fault is at the address jumped to, so the table of fix-ups cannot know it. */
    fault_reset();
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; jmp *%1; 1:"
                     : "=m"(this_cpu()->probe_resume)
                     : "r"(window)
                     : "rax", "memory");
    this_cpu()->probe_resume = 0;
    say("executing then: %s", fault_name());
    say("misaligned address: %s", rc_name(pte_try(window + 123, frame | PTE_RW, UVMF_INVLPG)));
    say("where no L1 is: %s", rc_name(pte_try((void *)(90UL << 39), frame | PTE_RW, UVMF_INVLPG)));
    say("where the L4 entry is but no L3 entry: %s",
        rc_name(pte_try((void *)0xffffff8000000000UL, frame | PTE_RW, UVMF_INVLPG)));
    say("in the hypervisor's range: %s",
        rc_name(pte_try((void *)HV_POINTER, frame | PTE_RW, UVMF_INVLPG)));
    say("in the m2p: %s",
        rc_name(pte_try((void *)MACH2PHYS_VIRT_START, frame | PTE_RW, UVMF_INVLPG)));
    say("non-canonical: %s",
        rc_name(pte_try((void *)NONCANONICAL_POINTER, frame | PTE_RW, UVMF_INVLPG)));
    say("a page table writable: %s",
        rc_name(pte_try(window, va_to_maddr(kernel_l4) | PTE_RW, UVMF_INVLPG)));
    say("frame past the end: %s",
        rc_name(pte_try(window, 0x000ffffffffff000UL | PTE_RW, UVMF_INVLPG)));
    say("other domain, self: %s", rc_name(HC(__HYPERVISOR_update_va_mapping_otherdomain, window,
                                             va_to_maddr(page) | PTE_RW, UVMF_INVLPG, DOMID_SELF)));
    say("other domain, nobody: %s", rc_name(HC(__HYPERVISOR_update_va_mapping_otherdomain, window,
                                               va_to_maddr(page) | PTE_RW, UVMF_INVLPG, 1234)));
    say("other domain, DOMID_IO, own page: %s",
        rc_name(HC(__HYPERVISOR_update_va_mapping_otherdomain, window, va_to_maddr(page) | PTE_RW,
                   UVMF_INVLPG, DOMID_IO)));
    page_unprotect(window);
    page_put(page);
}
PROPERTY(va_mapping, "va-mapping", run);
