/* Address space for foreign frames: one range far above all memory, given out from a free list of
 * runs. */
#include <gk/err.h>
#include <gk/mem.h>
#include "mem/mem.h"
#include "thread/turn.h"

#define SPACE_START 0x600000000000UL
#define SPACE_END   0x680000000000UL

struct run {
    struct run *next;
    uint8_t *start;
    size_t count;
};
static struct run *runs;
static uint8_t *top = (uint8_t *)SPACE_START;

static void *run_take(size_t count)
{
    for (struct run **at = &runs; *at; at = &(*at)->next) {
        struct run *r = *at;
        if (r->count < count)
            continue;
        void *start = r->start;
        r->start += count << GK_PAGE_SHIFT;
        r->count -= count;
        if (!r->count) {
            *at = r->next;
            gk_free(r);
        }
        return start;
    }
    return NULL;
}

void *gk_space_alloc(size_t count)
{
    KIT_TURN;
    void *space = run_take(count);

    if (space)
        return space;
    if (!count || count > (SPACE_END - (uintptr_t)top) >> GK_PAGE_SHIFT)
        return NULL;
    /* Tables must not eat the reserve that mapping more memory needs. */
    void *room = gk_page_alloc(4);
    if (!room)
        return NULL;
    gk_page_free(room);
    for (size_t i = 0; i < count; i++)
        if (kit_tables_make(top + (i << GK_PAGE_SHIFT)))
            return NULL;
    space = top;
    top += count << GK_PAGE_SHIFT;
    return space;
}

/* Without memory to remember it the space is lost: harmless, there are 8 TiB of it. */
void gk_space_free(void *space, size_t count)
{
    KIT_TURN;
    struct run *r = gk_alloc(sizeof(*r));

    if (!r)
        return;
    *r = (struct run){.next = runs, .start = space, .count = count};
    runs = r;
}

int gk_frame_map(void *at, uint64_t mfn, uint16_t domid, bool writable)
{
    struct mmu_update update = {
        .ptr = gk_pte_maddr(at),
        .val = mfn << GK_PAGE_SHIFT | (writable ? PTE_RW : PTE_RO),
    };

    if (!update.ptr)
        return -XEN_EINVAL;
    return (int)hc_mmu(&update, 1, domid);
}

int gk_frame_unmap(void *at)
{
    return (int)hc_va(at, 0, kit_flush());
}
