/* Where everything goes in a new PV guest: the layout of its first virtual addresses, which
 * pseudo-physical frame (pfn) holds what, and how many page tables that takes. Pure arithmetic; the
 * hypervisor's dom0 builder and the tools' domain builder both fill memory after it.
 *
 * One block of virtual addresses starts at the kernel's VIRT_BASE, where pfn 0 is mapped, and is
 * mapped one to one with 4 KiB pages:
 *
 *   kernel | initrd, unless the kernel takes it unmapped | p2m list, unless it names a place for it
 *   | start_info | xenstore page | console page (both only if asked for) | page tables of the
 * block, the L4 first | boot stack | spare, at least 512 KiB, to a multiple of 4 MiB
 *
 * Behind the block, in pfns only, follow an unmapped initrd, then the p2m list with the tables that
 * map it, then free memory up to nr_pages. */
#ifndef CORE_LOAD_PLAN_H
#define CORE_LOAD_PLAN_H

#include "core/load/notes.h"

struct plan_request {
    const struct xen_notes *notes;
    uint64_t nr_pages;         /* of the guest, in 4 KiB frames */
    uint64_t initrd_bytes;     /* 0: none */
    uint64_t start_info_bytes; /* sizeof(struct start_info) and what follows it */
    bool xenstore_console;     /* wants those two pages (a guest built by the tools) */
    bool p2m_superpages;       /* map a p2m list of its own place with 2 MiB pages */
};

/* Page tables of one run of virtual addresses. nr[n] is that of level n; nr[0] is not used. */
struct plan_tables {
    struct range va; /* what they map */
    uint64_t nr[5];
    uint64_t first[5]; /* pfn of the first table of that level; they are consecutive */
    uint64_t total;
};

struct plan {
    struct range block;  /* virtual: VIRT_BASE to the end of what is mapped */
    struct range kernel; /* virtual, as all up to stack; page-aligned outwards */
    struct range initrd; /* empty when there is none or it is not mapped */
    struct range p2m;    /* in the block, or at INIT_P2M; bytes, end not rounded */
    struct range start_info;
    struct range xenstore, console; /* empty unless asked for */
    struct range page_tables;
    struct range stack;

    uint64_t kernel_pfn, initrd_pfn, start_info_pfn, xenstore_pfn, console_pfn, stack_pfn;
    uint64_t initrd_pages;
    uint64_t p2m_pfn, p2m_pages; /* the list itself */

    struct plan_tables tables;     /* of the block: start_info.pt_base and .nr_pt_frames */
    struct plan_tables p2m_tables; /* of a p2m list at INIT_P2M, which lie behind the list */
    bool p2m_outside;              /* the list is at INIT_P2M; else p2m_tables is empty */
    bool p2m_superpages;           /* then p2m_pfn and p2m_pages are multiples of 512 */

    uint64_t used_pages; /* every pfn from here to nr_pages is free memory */
};

/* Returns 0; -XEN_ENOMEM: nr_pages is too little; -XEN_EINVAL: the addresses are impossible (they
 * wrap, are not canonical, touch the hypervisor's window, or collide). *why tells. start_info's
 * first_p2m_pfn is p2m_pfn and nr_p2m_frames p2m_pages + p2m_tables.total, both 0 when the list is
 * inside the block. */
NODISCARD int plan_make(const struct plan_request *request, struct plan *plan, const char **why);

/* Pfn of the table of `level` (1..4) through which va, in the block or in a p2m outside it, is
 * translated. Level 4 is always the block's L4; upper p2m tables that the block has anyway are the
 * block's. Level 1 must not be asked for a p2m with superpages. */
uint64_t plan_table(const struct plan *plan, unsigned level, uint64_t va);

/* Index of va's entry in its table of `level`. */
static inline unsigned plan_index(unsigned level, uint64_t va)
{
    return (va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

/* The pfn that a virtual address of the block maps. */
static inline uint64_t plan_pfn(const struct plan *plan, uint64_t va)
{
    return (va - plan->block.start) >> PAGE_SHIFT;
}

/* Is this pfn one of the page tables (mapped read-only in the block)? */
static inline bool plan_is_table(const struct plan *plan, uint64_t pfn)
{
    return pfn - plan->tables.first[4] < plan->tables.total ||
           (plan->p2m_tables.total &&
            pfn - plan->p2m_pfn - plan->p2m_pages < plan->p2m_tables.total);
}

#endif
