/* The hypervisor's own page tables: L4 slots 256-271, shared by all page tables of the machine. */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include "x86/layout.h"
#include "base/num.h"
#include "core/frame/frame.h"

extern char image_start[], image_rodata[], image_data[], image_bss[], image_end[];

static inline uint64_t image_maddr(const void *p)
{
    return (uint64_t)p - IMAGE_VIRT + IMAGE_PHYS;
}

/* Entries for slots 256-271 that every validated guest L4 gets. */
extern uint64_t hv_l4_slots[16];

/* Builds the final tables and switches to them: direct map of the ranges, image with its
 * permissions, M2P and frame words. Takes memory from early_alloc(). Boot CPU, once. */
void paging_init(const struct ram_range *ram, unsigned int n);

/* Maps one page of hypervisor space (slots 256-271); flags besides PTE_P. 0 or -XEN_ENOMEM. */
int hv_map(uint64_t va, uint64_t maddr, uint64_t flags);
void hv_unmap(uint64_t va);
/* The entry of a level (1: a page's) that maps va; 0: none. */
uint64_t hv_entry(uint64_t va, unsigned int level);

/* RAM below 4 GiB, also while the boot tables are in use. */
void *paging_ptr(uint64_t maddr);

/* Pages below 4 GiB taken before the frame allocator runs, zeroed, never given back. */
uint64_t early_alloc(uint64_t pages);
/* What early_alloc() may use, and (after the fact) what it took: [*start, *end). */
void early_init(uint64_t start, uint64_t end);
struct ram_range early_taken(void);
/* The same for now, without ending it. */
struct ram_range early_taken_so_far(void);

#endif
