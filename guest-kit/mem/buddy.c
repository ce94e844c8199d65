/* The page allocator's core: free blocks in powers of two. Pure. */
#include "mem/mem.h"

static struct buddy_block *block_at(const struct buddy *b, size_t page)
{
    return (struct buddy_block *)(b->base + (page << GK_PAGE_SHIFT));
}

static size_t page_of(const struct buddy *b, const void *at)
{
    return (size_t)((const uint8_t *)at - b->base) >> GK_PAGE_SHIFT;
}

static void list_take(struct buddy *b, size_t page, unsigned int order)
{
    struct buddy_block *block = block_at(b, page);

    if (block->prev)
        block->prev->next = block->next;
    else
        b->free[order] = block->next;
    if (block->next)
        block->next->prev = block->prev;
    b->tags[page] = 0;
    b->free_pages -= 1UL << order;
}

static void list_put(struct buddy *b, size_t page, unsigned int order)
{
    struct buddy_block *block = block_at(b, page);

    block->prev = NULL;
    block->next = b->free[order];
    if (block->next)
        block->next->prev = block;
    b->free[order] = block;
    b->tags[page] = (uint8_t)(BUDDY_FREE | order);
    b->free_pages += 1UL << order;
}

/* One aligned block becomes free and joins with its free buddies. */
static void block_free(struct buddy *b, size_t page, unsigned int order)
{
    for (; order < BUDDY_ORDERS - 1; order++) {
        size_t other = page ^ 1UL << order;
        if (other >= b->pages || b->tags[other] != (BUDDY_FREE | order))
            break;
        list_take(b, other, order);
        page &= ~(1UL << order);
    }
    list_put(b, page, order);
}

void buddy_add(struct buddy *b, size_t first, size_t count)
{
    while (count) {
        unsigned int order = 0;
        while (order < BUDDY_ORDERS - 1 && !(first & ((2UL << order) - 1)) && 2UL << order <= count)
            order++;
        block_free(b, first, order);
        first += 1UL << order;
        count -= 1UL << order;
    }
}

void *buddy_alloc(struct buddy *b, size_t count, unsigned int order)
{
    unsigned int have;

    if (!count || count > 1UL << (BUDDY_ORDERS - 1) || order >= BUDDY_ORDERS)
        return NULL;
    while (1UL << order < count)
        order++;
    for (have = order; have < BUDDY_ORDERS && !b->free[have]; have++)
        ;
    if (have == BUDDY_ORDERS)
        return NULL;
    size_t page = page_of(b, b->free[have]);
    list_take(b, page, have);

    /* From the front, pieces in falling size; what lies behind them is free again. */
    size_t at = page, left = count;
    for (unsigned int o = order; left; o--) {
        if (left < 1UL << o)
            continue;
        left -= 1UL << o;
        b->tags[at] = (uint8_t)((left ? BUDDY_MORE : BUDDY_USED) | o);
        at += 1UL << o;
    }
    buddy_add(b, at, page + (1UL << have) - at);
    return block_at(b, page);
}

/* A piece's tag, or 0 when no allocation begins or goes on at this page. */
static uint8_t piece(const struct buddy *b, size_t page)
{
    uint8_t tag = page < b->pages ? b->tags[page] : 0;

    return (tag & BUDDY_KIND) == BUDDY_USED || (tag & BUDDY_KIND) == BUDDY_MORE ? tag : 0;
}

size_t buddy_size(const struct buddy *b, const void *block)
{
    size_t page = page_of(b, block), size = 0;

    for (uint8_t tag = BUDDY_MORE; (tag & BUDDY_KIND) == BUDDY_MORE;) {
        tag = piece(b, page + size);
        if (!tag)
            return 0;
        size += 1UL << (tag & BUDDY_ORDER);
    }
    return size;
}

void buddy_free(struct buddy *b, void *block)
{
    size_t page = page_of(b, block);

    for (uint8_t tag = BUDDY_MORE; (tag & BUDDY_KIND) == BUDDY_MORE;) {
        tag = piece(b, page);
        if (!tag)
            return;
        b->tags[page] = 0;
        block_free(b, page, tag & BUDDY_ORDER);
        page += 1UL << (tag & BUDDY_ORDER);
    }
}

const char *buddy_audit(const struct buddy *b)
{
    size_t listed = 0, tagged = 0;

    for (unsigned int order = 0; order < BUDDY_ORDERS; order++)
        for (const struct buddy_block *f = b->free[order]; f; f = f->next) {
            size_t page = page_of(b, f);
            if (page >= b->pages || b->tags[page] != (BUDDY_FREE | order))
                return "a listed block is not tagged free";
            if (page & ((1UL << order) - 1))
                return "a block is not aligned";
            size_t other = page ^ 1UL << order;
            if (order < BUDDY_ORDERS - 1 && other < b->pages &&
                b->tags[other] == (BUDDY_FREE | order))
                return "two free buddies";
            listed += 1UL << order;
        }
    for (size_t page = 0; page < b->pages;) {
        uint8_t tag = b->tags[page];
        size_t size =
            (tag & BUDDY_KIND) && (tag & BUDDY_KIND) != BUDDY_SLAB ? 1UL << (tag & BUDDY_ORDER) : 1;
        for (size_t i = 1; i < size; i++)
            if (page + i >= b->pages || b->tags[page + i])
                return "a block overlaps another";
        if ((tag & BUDDY_KIND) == BUDDY_FREE)
            tagged += size;
        page += size;
    }
    if (listed != tagged || listed != b->free_pages)
        return "the sum of free pages is wrong";
    return NULL;
}
