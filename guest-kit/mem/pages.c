/*
 * The guest's pages: those that are mapped and free are the buddy allocator's; more memory is
 * mapped, a table at a time, when those do not suffice.
 */
#include <gk/kit.h>
#include "libc/string.h"
#include "mem/balloon.h"
#include "start/kit.h"
#include "thread/turn.h"
#include "mem/mem.h"

static struct buddy buddy;
static struct slab slab;
static size_t mapped; /* pages from the start of memory that are mapped */
static size_t limit;  /* pages the guest has */
static size_t bump;   /* the first page nobody has, until the buddy allocator takes over */
static size_t image_pages;

/* Tables for more memory come from here, for when it is needed nothing else may be free. */
#define RESERVE 3
static void *reserve[RESERVE];
static unsigned int reserve_count;

void *kit_table_page(void)
{
    if (!buddy.pages)
        return bump < mapped ? kit_pfn_va(bump++) : NULL;
    void *page = buddy_alloc(&buddy, 1, 0);
    if (!page && reserve_count)
        page = reserve[--reserve_count];
    return page;
}

static void reserve_fill(void)
{
    while (reserve_count < RESERVE) {
        void *page = buddy_alloc(&buddy, 1, 0);
        if (!page)
            return;
        reserve[reserve_count++] = page;
    }
}

/* False: there is no more. */
static bool map_more(void)
{
    size_t got = mapped < limit ? kit_tables_map(mapped, limit) : 0;

    if (!got)
        return false;
    if (buddy.pages) {
        memset(buddy.tags + mapped, 0, got);
        buddy_add(&buddy, mapped, got);
    }
    mapped += got;
    if (buddy.pages)
        reserve_fill();
    return true;
}

static size_t page_after(const void *end)
{
    return (kit_va_pfn((const uint8_t *)end + GK_PAGE_SIZE - 1));
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The builder's own pages lie between the image and the first page that is free. */
static size_t first_free(void)
{
    const struct start_info *si = kit_start_info;
    size_t end = page_after(kit_image_end);

    end = max(end, page_after((const uint8_t *)si + sizeof(*si)));
    end = max(end, page_after((void *)(si->pt_base + si->nr_pt_frames * GK_PAGE_SIZE)));
    end = max(end, page_after((void *)(si->mfn_list + si->nr_pages * sizeof(uint64_t))));
    if (si->mod_start && !(si->flags & SIF_MOD_START_PFN))
        end = max(end, page_after((void *)(si->mod_start + si->mod_len)));
    if (si->flags & SIF_INITDOMAIN)
        end = max(end, page_after((const uint8_t *)si + si->console.dom0.info_off +
                                  si->console.dom0.info_size));
    else
        end = max(end, max(page_after(kit_mfn_va(si->store_mfn)),
                           page_after(kit_mfn_va(si->console.domU.mfn))) +
                           1);
    return end;
}

static void *page_get(void)
{
    return gk_page_alloc(1);
}

void kit_pages_init(void)
{
    limit = kit_start_info->nr_pages;
    bump = image_pages = first_free();
    mapped = bump + kit_mapped_from(bump, limit);
    size_t tag_pages = (limit + GK_PAGE_SIZE - 1) / GK_PAGE_SIZE;
    while (mapped - bump < tag_pages)
        if (!map_more())
            gk_panic("too little memory: %zu pages", limit);
    uint8_t *tags = kit_pfn_va(bump);
    bump += tag_pages;
    memset(tags, 0, mapped);
    buddy = (struct buddy){.base = gk_virt_base, .tags = tags, .pages = limit};
    buddy_add(&buddy, bump, mapped - bump);
    reserve_fill();
    slab = (struct slab){.pages = &buddy, .page_get = page_get};
}

static void *pages_get(size_t count, unsigned int order)
{
    void *pages;

    while (!(pages = buddy_alloc(&buddy, count, order)))
        if (!map_more())
            return NULL;
    return pages;
}

void *gk_page_alloc(size_t count)
{
    KIT_TURN;
    return pages_get(count, 0);
}

void *gk_page_zalloc(size_t count)
{
    void *pages = gk_page_alloc(count);

    return pages ? memset(pages, 0, count * GK_PAGE_SIZE) : NULL;
}

bool kit_pages_own(const void *va)
{
    return (const uint8_t *)va >= gk_virt_base && kit_va_pfn(va) < mapped;
}

static size_t block_pages(const void *block)
{
    size_t pages = 0;

    if (kit_pages_own(block) && !(ADDRESS(block) % GK_PAGE_SIZE))
        pages = buddy_size(&buddy, block);
    if (!pages)
        gk_panic("%p is no allocated block", block);
    return pages;
}

void gk_page_free(void *pages)
{
    KIT_TURN;
    if (!pages)
        return;
    block_pages(pages);
    buddy_free(&buddy, pages);
}

static uint8_t tag_of(const void *block)
{
    return kit_pages_own(block) ? buddy.tags[kit_va_pfn(block)] : 0;
}

static bool small(const void *block)
{
    return ADDRESS(block) % GK_PAGE_SIZE && (tag_of(block) & BUDDY_KIND) == BUDDY_SLAB;
}

static size_t pages_for(size_t size)
{
    return size > SIZE_MAX - GK_PAGE_SIZE ? SIZE_MAX >> GK_PAGE_SHIFT
                                          : (size + GK_PAGE_SIZE - 1) >> GK_PAGE_SHIFT;
}

void *gk_alloc_aligned(size_t align, size_t size)
{
    KIT_TURN;
    unsigned int order = 0, klass = SLAB_CLASSES;

    if (!size || !align || align & (align - 1))
        return NULL;
    if (align <= 64)
        klass = slab_class(size, align);
    if (klass < SLAB_CLASSES)
        return slab_alloc(&slab, size, klass);
    while (GK_PAGE_SIZE << order < align)
        order++;
    return pages_get(pages_for(size), order);
}

void *gk_alloc(size_t size)
{
    size_t align = size >= 64 && !(size & (size - 1)) ? 64 : 16;

    return gk_alloc_aligned(align, size);
}

void *gk_zalloc(size_t size)
{
    void *block = gk_alloc(size);

    return block ? memset(block, 0, size) : NULL;
}

size_t gk_alloc_size(const void *block)
{
    if (small(block))
        return slab_size(tag_of(block) & BUDDY_ORDER);
    return block_pages(block) * GK_PAGE_SIZE;
}

void gk_free(void *block)
{
    KIT_TURN;
    if (!block)
        return;
    if (!small(block))
        gk_page_free(block);
    else if (!slab_free(&slab, block))
        gk_panic("%p is no allocated block", block);
}

void *gk_realloc(void *old, size_t size)
{
    if (!old)
        return gk_alloc(size);
    size_t have = gk_alloc_size(old);
    /* Shrinking in place, unless it would waste more than half. */
    if (size && size <= have && (size > have / 2 || have <= 64))
        return old;
    void *block = gk_alloc(size);
    if (!block)
        return NULL;
    memcpy(block, old, size < have ? size : have);
    gk_free(old);
    return block;
}

void gk_mem_info(struct gk_mem_info *info)
{
    KIT_TURN;
    size_t out = kit_balloon_pages ? kit_balloon_pages() : 0;

    *info = (struct gk_mem_info){
        .total_pages = limit - out,
        .free_pages = buddy.free_pages + limit - mapped,
        .image_pages = image_pages,
        .table_pages = kit_table_pages,
        .heap_pages = slab.slab_pages,
        .balloon_pages = out,
    };
}
