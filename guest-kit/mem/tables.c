/*
 * Page tables. The guest sees its own tables read-only and changes them through the hypervisor.
 *
 *   I1  a page that is a table is mapped read-only everywhere
 *   I2  nothing but .text and the hypercall page can be executed; nothing executable can be written
 */
#include <gk/err.h>
#include "libc/string.h"
#include "start/cpu.h"
#include "start/kit.h"
#include "mem/mem.h"

volatile struct shared_info *kit_shared;
size_t kit_table_pages;

/* Only its place in the address space is used: the hypervisor's page is mapped there. */
static uint8_t shared_page[GK_PAGE_SIZE] __attribute__((aligned(GK_PAGE_SIZE)));

uint64_t *kit_p2m(void)
{
    return (uint64_t *)kit_start_info->mfn_list;
}

void *kit_mfn_va(uint64_t mfn)
{
    return kit_pfn_va(((const uint64_t *)MACH2PHYS_VIRT_START)[mfn]);
}

uint64_t gk_mfn(const void *address)
{
    return kit_p2m()[kit_va_pfn(address)];
}

static uint64_t maddr(const void *va)
{
    return gk_mfn(va) << GK_PAGE_SHIFT | (ADDRESS(va) & (GK_PAGE_SIZE - 1));
}

static unsigned int slot(const void *va, unsigned int level)
{
    return ADDRESS(va) >> (12 + 9 * (level - 1)) & 511;
}

/* The entry for `va` of the table at `level`, or of the first higher level that has no table below;
 * *level tells. */
static const uint64_t *entry_find(const void *va, unsigned int *level)
{
    const uint64_t *table = (const uint64_t *)kit_start_info->pt_base;

    for (unsigned int l = 4;; l--) {
        const uint64_t *entry = &table[slot(va, l)];
        if (l == *level || !(*entry & PTE_P)) {
            *level = l;
            return entry;
        }
        table = kit_mfn_va((*entry & PTE_FRAME) >> GK_PAGE_SHIFT);
    }
}

const uint64_t *kit_pte(const void *va)
{
    unsigned int level = 1;

    if (ADDRESS(va) >> 47)
        return NULL;
    const uint64_t *entry = entry_find(va, &level);
    return level == 1 ? entry : NULL;
}

bool kit_mapped(const void *va)
{
    const uint64_t *entry = kit_pte(va);

    return entry && (*entry & PTE_P);
}

size_t kit_mapped_from(size_t pfn, size_t limit)
{
    size_t at = pfn;

    while (at < limit) {
        const uint64_t *entry = kit_pte(kit_pfn_va(at));
        if (!entry)
            break;
        /* The rest of this table, without another walk. */
        for (size_t left = 512 - slot(kit_pfn_va(at), 1); left && at < limit; left--, at++)
            if (!(*entry++ & PTE_P))
                return at - pfn;
    }
    return at - pfn;
}

uint64_t gk_pte_maddr(const void *address)
{
    const uint64_t *entry = kit_pte(address);

    return entry ? maddr(entry) : 0;
}

static int entry_set(uint64_t at, uint64_t value, uint16_t domid)
{
    struct mmu_update update = {.ptr = at | MMU_NORMAL_PT_UPDATE, .val = value};

    return (int)hc_mmu(&update, 1, domid);
}

static int page_set(const void *page, uint64_t flags)
{
    return (int)hc_va(page, flags ? gk_mfn(page) << GK_PAGE_SHIFT | flags : 0, kit_flush());
}

int kit_page_hide(void *page)
{
    return page_set(page, 0);
}

int kit_page_show(void *page)
{
    return page_set(page, PTE_RW);
}

int kit_page_replace(void *page, uint64_t at)
{
    return (int)hc_va(page, at | PTE_RW, kit_flush());
}

void kit_tables_init(void)
{
    if (kit_page_replace(shared_page, kit_start_info->shared_info))
        kit_shutdown(SHUTDOWN_crash);
    kit_shared = (volatile struct shared_info *)shared_page;
    kit_cpu0.info = (struct vcpu_info *)shared_page;
}

/* A page with entries becomes the table that `entry` points to. */
static int table_add(const uint64_t *entry, void *table)
{
    int rc = page_set(table, PTE_RO);

    if (!rc)
        rc = entry_set(maddr(entry), maddr(table) | PTE_TABLE, DOMID_SELF);
    if (!rc)
        kit_table_pages++;
    return rc;
}

/* Makes tables until there is one at `level` for va. Returns va's entry in it, or NULL. */
static const uint64_t *tables_down_to(const void *va, unsigned int want)
{
    for (;;) {
        unsigned int level = want;
        const uint64_t *entry = entry_find(va, &level);
        if (level == want)
            return entry;
        void *table = kit_table_page();
        if (!table)
            return NULL;
        memset(table, 0, GK_PAGE_SIZE);
        if (table_add(entry, table)) {
            page_set(table, PTE_RW);
            return NULL;
        }
    }
}

int kit_tables_make(const void *va)
{
    return tables_down_to(va, 1) ? 0 : -XEN_ENOMEM;
}

size_t kit_tables_map(size_t pfn, size_t limit)
{
    const uint8_t *va = kit_pfn_va(pfn);
    size_t count = 512 - slot(va, 1);

    if (count > limit - pfn)
        count = limit - pfn;
    const uint64_t *above = tables_down_to(va, 2);
    if (!above)
        return 0;
    if (!(*above & PTE_P)) {
        uint64_t *table = kit_table_page();
        if (!table)
            return 0;
        memset(table, 0, GK_PAGE_SIZE);
        for (size_t i = 0; i < count; i++)
            table[slot(va, 1) + i] = kit_p2m()[pfn + i] << GK_PAGE_SHIFT | PTE_RW;
        return table_add(above, table) ? 0 : count;
    }
    for (size_t i = 0; i < count; i++)
        if (page_set(va + (i << GK_PAGE_SHIFT), PTE_RW))
            return i;
    return count;
}

/* --- the image's own rights --- */

#define BATCH 64
static struct mmu_update batch[BATCH];
static unsigned int batched;

static void batch_flush(void)
{
    if (batched && hc_mmu(batch, batched, DOMID_SELF))
        gk_panic("sections cannot be protected");
    batched = 0;
}

static void batch_entry(const uint64_t *entry, uint64_t value)
{
    batch[batched++] = (struct mmu_update){.ptr = maddr(entry), .val = value};
    if (batched == BATCH)
        batch_flush();
}

static uint64_t rights(const uint8_t *va, uint64_t entry)
{
    if ((va >= kit_text_start && va < kit_text_end) || va == gk_hypercall_page)
        return entry & ~(PTE_W | PTE_NX);
    if (va >= kit_text_end && va < kit_rodata_end)
        entry &= ~PTE_W;
    return entry | PTE_NX;
}

/* Where a whole level-2 entry maps no code, one bit in it does for all pages below. */
void kit_tables_protect(void)
{
    const uint8_t *end = gk_hypercall_page + 1; /* the last that can be executed */

    for (const uint8_t *va = gk_virt_base;; va += 512 << GK_PAGE_SHIFT) {
        unsigned int level = 2;
        const uint64_t *above = entry_find(va, &level);
        if (level != 2 || !(*above & PTE_P))
            break;
        if (va >= end) {
            batch_entry(above, *above | PTE_NX);
            continue;
        }
        const uint64_t *entry = kit_mfn_va((*above & PTE_FRAME) >> GK_PAGE_SHIFT);
        for (unsigned int i = 0; i < 512; i++)
            if (entry[i] & PTE_P)
                batch_entry(&entry[i], rights(va + ((size_t)i << GK_PAGE_SHIFT), entry[i]));
    }
    batch_flush();
    struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    hc_mmuext(&flush);
}
