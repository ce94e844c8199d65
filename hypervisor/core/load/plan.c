/* Layout of a new PV guest. The block's own page tables lie within the block, so their number
 * depends on itself: it is found by counting up until they fit. */
#include "core/load/plan.h"

#include "base/checked.h"
#include "core/load/why.h"

#define SPARE      (512UL << 10)
#define BLOCK_UNIT (4UL << 20)

enum { TABLE_ENTRIES = 512, SUPERPAGE_FRAMES = 512 };

/* Bits of address translated below a table entry of this level: 12, 21, 30, 39 for levels 1..4. */
static unsigned entry_shift(unsigned level)
{
    return PAGE_SHIFT + 9 * (level - 1);
}

/* Which table of this level an address belongs to, numbered through the whole address space. */
static uint64_t table_number(unsigned level, uint64_t va)
{
    return level == 4 ? 0 : va >> entry_shift(level + 1);
}

static void count_tables(struct plan_tables *t, struct range va, unsigned lowest)
{
    *t = (struct plan_tables){.va = va};
    for (unsigned level = 4; level >= lowest; level--) {
        t->nr[level] = table_number(level, va.end - 1) - table_number(level, va.start) + 1;
        t->total += t->nr[level];
    }
}

static void place_tables(struct plan_tables *t, uint64_t pfn)
{
    for (unsigned level = 4; level >= 1; level--) {
        t->first[level] = pfn;
        pfn += t->nr[level];
    }
}

/* Not empty, canonical, in one half, and clear of the hypervisor's window. */
static bool address_ok(struct range va)
{
    const uint64_t half = bit64(47);
    bool low = va.start < va.end && va.end <= half;
    bool high = va.start < va.end && va.start >= -half;

    return (low || high) &&
           !range_overlaps(va, (struct range){__HYPERVISOR_VIRT_START, __HYPERVISOR_VIRT_END});
}

/* Takes `bytes`, rounded up to pages, from *at on. Sizes were bounded: nothing can wrap. */
static struct range take(uint64_t *at, uint64_t bytes)
{
    struct range r = {*at, *at + align_up(bytes, PAGE_SIZE)};
    *at = r.end;
    return r;
}

/* Each round needs at least as many tables as the one before, so this ends at the fewest. */
static void place_block_end(struct plan *p, uint64_t at)
{
    uint64_t n, stack;

    do {
        n = p->tables.total;
        stack = at + n * PAGE_SIZE;
        p->block.end = align_up(stack + PAGE_SIZE + SPARE, BLOCK_UNIT);
        count_tables(&p->tables, p->block, 1);
    } while (p->tables.total != n);
    p->page_tables = (struct range){at, stack};
    p->stack = (struct range){stack, stack + PAGE_SIZE};
}

static int place_block(const struct plan_request *r, struct plan *p, const char **why)
{
    const struct xen_notes *n = r->notes;
    uint64_t list = r->nr_pages * sizeof(uint64_t);
    struct range most;

    p->kernel =
        (struct range){align_down(n->kernel.start, PAGE_SIZE), align_up(n->kernel.end, PAGE_SIZE)};
    /* The block can be no larger than the guest's memory, which bounds all that follows. */
    if (!range_make(n->virt_base, r->nr_pages << PAGE_SHIFT, &most))
        most.end = -BLOCK_UNIT;
    if (p->kernel.end < n->kernel.end || p->kernel.end > most.end ||
        r->initrd_bytes > r->nr_pages << PAGE_SHIFT || r->start_info_bytes > BLOCK_UNIT)
        return bad(-XEN_ENOMEM, "the kernel and initrd need more memory than the guest has", why);

    uint64_t at = p->kernel.end;
    uint64_t room = -BLOCK_UNIT - at;
    bool map_initrd = r->initrd_bytes && !n->mod_start_pfn;
    p->p2m_outside = notes_has(n, XEN_ELFNOTE_INIT_P2M);
    if (room < 4 * BLOCK_UNIT + (map_initrd ? r->initrd_bytes : 0) + (p->p2m_outside ? 0 : list))
        return bad(-XEN_EINVAL, "the kernel lies too close to the end of the address space", why);

    p->block.start = n->virt_base;
    p->initrd = take(&at, map_initrd ? r->initrd_bytes : 0);
    p->initrd.end = p->initrd.start + (map_initrd ? r->initrd_bytes : 0);
    if (!p->p2m_outside) {
        p->p2m = take(&at, list);
        p->p2m.end = p->p2m.start + list;
    }
    p->start_info = take(&at, r->start_info_bytes);
    p->xenstore = take(&at, r->xenstore_console ? PAGE_SIZE : 0);
    p->console = take(&at, r->xenstore_console ? PAGE_SIZE : 0);
    place_block_end(p, at);
    if (!address_ok(p->block))
        return bad(-XEN_EINVAL, "the kernel lies at impossible addresses", why);
    return 0;
}

/* Tables that the block has anyway are not made twice: only those levels where nothing is
 * shared. */
static void count_p2m_tables(const struct plan_request *r, struct plan *p)
{
    struct plan_tables *t = &p->p2m_tables;
    unsigned lowest = r->p2m_superpages ? 2 : 1;

    count_tables(t, p->p2m, lowest);
    t->total = 0;
    for (unsigned level = 4; level >= lowest; level--) {
        uint64_t first = table_number(level, p->p2m.start), last = first + t->nr[level] - 1;
        uint64_t b_first = table_number(level, p->block.start);
        uint64_t b_last = b_first + p->tables.nr[level] - 1;
        uint64_t from = max_u64(first, b_first), to = min_u64(last, b_last);

        if (from <= to)
            t->nr[level] -= to - from + 1;
        t->total += t->nr[level];
    }
}

static int place_p2m(const struct plan_request *r, struct plan *p, uint64_t *pfn, const char **why)
{
    uint64_t list = r->nr_pages * sizeof(uint64_t);

    if (!range_make(r->notes->init_p2m, list, &p->p2m) || p->p2m.end > -BLOCK_UNIT ||
        (r->p2m_superpages && !is_aligned(p->p2m.start, SUPERPAGE_FRAMES * PAGE_SIZE)))
        return bad(-XEN_EINVAL, "INIT_P2M is an impossible address", why);
    struct range whole = {p->p2m.start,
                          align_up(p->p2m.end, r->p2m_superpages ? BLOCK_UNIT / 2 : PAGE_SIZE)};
    if (!address_ok(whole) || range_overlaps(whole, p->block))
        return bad(-XEN_EINVAL, "INIT_P2M collides with something", why);

    p->p2m_superpages = r->p2m_superpages;
    if (r->p2m_superpages)
        *pfn = align_up(*pfn, SUPERPAGE_FRAMES);
    p->p2m_pfn = *pfn;
    p->p2m_pages = range_length(whole) >> PAGE_SHIFT;
    *pfn += p->p2m_pages;
    count_p2m_tables(r, p);
    place_tables(&p->p2m_tables, *pfn);
    *pfn += p->p2m_tables.total;
    return 0;
}

int plan_make(const struct plan_request *r, struct plan *p, const char **why)
{
    *p = (struct plan){0};
    if (r->nr_pages == 0 || r->nr_pages > bit64(36))
        return bad(-XEN_EINVAL, "impossible amount of memory", why);
    int rc = place_block(r, p, why);
    if (rc)
        return rc;

    uint64_t pfn = range_length(p->block) >> PAGE_SHIFT;
    p->kernel_pfn = plan_pfn(p, p->kernel.start);
    p->start_info_pfn = plan_pfn(p, p->start_info.start);
    p->stack_pfn = plan_pfn(p, p->stack.start);
    if (r->xenstore_console) {
        p->xenstore_pfn = plan_pfn(p, p->xenstore.start);
        p->console_pfn = plan_pfn(p, p->console.start);
    }
    place_tables(&p->tables, plan_pfn(p, p->page_tables.start));

    p->initrd_pages = div_up(r->initrd_bytes, PAGE_SIZE);
    if (!range_empty(p->initrd)) {
        p->initrd_pfn = plan_pfn(p, p->initrd.start);
    } else if (p->initrd_pages) {
        p->initrd_pfn = pfn;
        pfn += p->initrd_pages;
    }
    if (p->p2m_outside) {
        rc = place_p2m(r, p, &pfn, why);
        if (rc)
            return rc;
    } else {
        p->p2m_pfn = plan_pfn(p, p->p2m.start);
        p->p2m_pages = div_up(range_length(p->p2m), PAGE_SIZE);
    }
    p->used_pages = pfn;
    if (pfn > r->nr_pages)
        return bad(-XEN_ENOMEM, "the guest has too little memory for its kernel and initrd", why);
    return 0;
}

/* The n-th table of the p2m's own at this level, leaving out those that are the block's. */
uint64_t plan_table(const struct plan *p, unsigned level, uint64_t va)
{
    const struct plan_tables *b = &p->tables, *t = &p->p2m_tables;
    uint64_t number = table_number(level, va);
    uint64_t in_block = number - table_number(level, b->va.start);

    if (in_block < b->nr[level])
        return b->first[level] + in_block;
    uint64_t first = table_number(level, t->va.start);
    uint64_t b_first = table_number(level, b->va.start);
    uint64_t skip = b_first >= first && b_first < number ? b->nr[level]
                    : b_first < first && b_first + b->nr[level] > first
                        ? b_first + b->nr[level] - first
                        : 0;
    return t->first[level] + (number - first) - skip;
}
