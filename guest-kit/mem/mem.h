/* Inside the memory room: page tables, the page allocator's core, the heap. */
#ifndef MEM_MEM_H
#define MEM_MEM_H

#include <gk/mem.h>
#include "start/xen.h"

#define PTE_P     0x1UL
#define PTE_W     0x2UL
#define PTE_U     0x4UL
#define PTE_A     0x20UL
#define PTE_D     0x40UL
#define PTE_NX    (1UL << 63)
#define PTE_FRAME 0x000ffffffffff000UL
#define PTE_RW    (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_NX)
#define PTE_RO    (PTE_P | PTE_U | PTE_A | PTE_NX)
#define PTE_TABLE (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

/* --- tables.c --- */
void kit_tables_init(void);    /* shared_info and what is needed to read tables */
void kit_tables_protect(void); /* the image's sections get their rights, all else loses execution */
/* Page-table pages made, for gk_mem_info(). */
extern size_t kit_table_pages;
/* The leaf entry of an address, to be read only; NULL: no table there. */
const uint64_t *kit_pte(const void *va);
bool kit_mapped(const void *va);
/* How many pages from `pfn` on, one after another and below `limit`, are mapped. */
size_t kit_mapped_from(size_t pfn, size_t limit);
/* An own page that faults when touched, and back. */
int kit_page_hide(void *page);
int kit_page_show(void *page);
/* Maps own memory from frame `pfn` on, up to `limit`, as far as one table reaches. Returns how
 * many, 0: no memory. */
size_t kit_tables_map(size_t pfn, size_t limit);
/* Makes the tables down to level 1 for an address outside of own memory. */
int kit_tables_make(const void *va);

extern uint8_t gk_virt_base[]; /* the linker script's */
static inline void *kit_pfn_va(size_t pfn)
{
    return gk_virt_base + (pfn << GK_PAGE_SHIFT);
}
static inline size_t kit_va_pfn(const void *va)
{
    return (size_t)((const uint8_t *)va - gk_virt_base) >> GK_PAGE_SHIFT;
}
void *kit_mfn_va(uint64_t mfn); /* for a frame of our own */
uint64_t *kit_p2m(void);
/* Maps the frame at machine address `maddr` in place of an own page. */
int kit_page_replace(void *page, uint64_t maddr);

/* --- pages.c --- */
void kit_pages_init(void);
/* A page for a table: never maps more memory to get it. NULL: none. */
void *kit_table_page(void);
bool kit_pages_own(const void *va);

/* --- buddy.c: pure --- */
#define BUDDY_ORDERS 19 /* the largest block: 1 GiB */

struct buddy_block {
    struct buddy_block *next, *prev;
};

/*
 * Free blocks of 2^order pages, aligned to their size, in lists; one byte per page tells what
 * begins there: 0               inside a block, or not ours to give FREE | order    a free block
 *   USED | order    a block in use; MORE: the next piece of the same allocation follows it
 *   SLAB | class    a page cut up by the heap
 *
 *   I1  free blocks are not buddies of each other (they would be one)
 *   I2  a page is in at most one block; free_pages is the sum over the lists
 */
struct buddy {
    uint8_t *base; /* of page 0; aligned to the largest block in use */
    uint8_t *tags;
    size_t pages; /* tags there are */
    size_t free_pages;
    struct buddy_block *free[BUDDY_ORDERS];
};
#define BUDDY_KIND  0xe0
#define BUDDY_ORDER 0x1f
#define BUDDY_FREE  0x20
#define BUDDY_USED  0x40
#define BUDDY_MORE  0x60
#define BUDDY_SLAB  0x80

/* Gives `count` pages from page `first` on to the allocator. */
void buddy_add(struct buddy *b, size_t first, size_t count);
/* `count` pages, aligned to 2^order pages at least. NULL: none in one piece. */
void *buddy_alloc(struct buddy *b, size_t count, unsigned int order);
/* How many pages an allocation has; 0: nothing begins at this page. */
size_t buddy_size(const struct buddy *b, const void *block);
void buddy_free(struct buddy *b, void *block);
/* Recounts from first principles; NULL when the invariants hold, else which does not. */
const char *buddy_audit(const struct buddy *b);

/* --- slab.c: pure over buddy --- */
#define SLAB_CLASSES 14
struct slab_page;
struct slab {
    struct buddy *pages;
    void *(*page_get)(void);
    struct slab_page *partial[SLAB_CLASSES];
    size_t slab_pages;
};
#define SLAB_MAX 2032
void *slab_alloc(struct slab *s, size_t size, unsigned int klass);
/* The class for a size and an alignment (<= 64), or SLAB_CLASSES when pages are to be taken. */
unsigned int slab_class(size_t size, size_t align);
size_t slab_size(unsigned int klass);
/* Frees an object that lies in a page tagged SLAB. False: no object begins there. */
bool slab_free(struct slab *s, void *object);

#endif
