/*
 * Memory: pages, a heap, and where they lie in the machine.
 *
 * All of the guest's memory is mapped, readable and writable and not executable, in one linear
 * range; what lies behind the part that the domain builder mapped is mapped when first needed.
 * Nothing here blocks. One vCPU only, except gk_mfn().
 */
#ifndef GK_MEM_H
#define GK_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GK_PAGE_SIZE  4096UL
#define GK_PAGE_SHIFT 12

/*
 * `count` pages (> 0), contiguous in the guest's own address space, not in the machine; aligned to
 * a page; with whatever they held before. The caller owns them until gk_page_free(). NULL: not
 * enough memory.
 */
void *gk_page_alloc(size_t count);
void *gk_page_zalloc(size_t count); /* the same, zeroed */
/* Gives back all pages of one gk_page_alloc(); NULL does nothing. */
void gk_page_free(void *pages);

/*
 * The heap. Results are aligned to 16 bytes and to the size if that is a power of two up to 64;
 * from 2 KiB on they are whole pages. NULL: not enough memory, or size 0.
 */
void *gk_alloc(size_t size);
void *gk_zalloc(size_t size);
/* Keeps the content up to the smaller size. On failure NULL, and `old` is still the caller's. */
void *gk_realloc(void *old, size_t size);
/* `align` is a power of two, up to 1 GiB; NULL as of gk_alloc(), or when it is not. Freed by
 * gk_free(). */
void *gk_alloc_aligned(size_t align, size_t size);
void gk_free(void *block); /* NULL does nothing; a wrong pointer is a panic */
/* How many bytes of a block the owner may use: the asked-for size or more. */
size_t gk_alloc_size(const void *block);

struct gk_mem_info {
    size_t total_pages;   /* the guest has now */
    size_t free_pages;    /* nobody uses */
    size_t image_pages;   /* program, p2m, page tables of the start */
    size_t table_pages;   /* page tables made since */
    size_t heap_pages;    /* pages that the heap has cut into small blocks */
    size_t balloon_pages; /* given back to the hypervisor */
};
void gk_mem_info(struct gk_mem_info *info);

/*
 * From now on the guest gives free memory back, and takes it again, as `xl mem-set` asks for
 * (memory/target in xenstore): a thread does it. 64 pages stay free for the program, and it never
 * gets more than it started with. 0, also when called again; -XEN_ENOMEM, or xenstore's errors
 * (<gk/xenbus.h>): nothing has begun, call it again. May block.
 */
int gk_balloon_start(void);

/* The machine frame of a page of the guest's own memory (of any address in it). */
uint64_t gk_mfn(const void *address);

/*
 * Address space without memory, for foreign frames: `count` pages aligned to a page, nothing
 * mapped. NULL: no memory for page tables. Never given back to the hypervisor; gk_space_free() lets
 * it be used again.
 */
void *gk_space_alloc(size_t count);
void gk_space_free(void *space, size_t count);
/* The machine address of the page-table entry that maps `address`, or 0: no table there. */
uint64_t gk_pte_maddr(const void *address);
/*
 * Maps machine frame `mfn` of domain `domid` (0x7ff0: our own) at a page of such space. 0;
 * -XEN_EINVAL: no such space, or the hypervisor does not let us have the frame so; -XEN_EPERM,
 * -XEN_ESRCH: the domain is none of ours to map, or none.
 */
int gk_frame_map(void *at, uint64_t mfn, uint16_t domid, bool writable);
/* 0, or -XEN_EINVAL: no such space. */
int gk_frame_unmap(void *at);

#endif
