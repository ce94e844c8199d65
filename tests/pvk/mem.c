/* Memory: the kernel's pool of pages, its view of its own page tables, and how it changes them. */
#include "pvk.h"

struct start_info *start_info;
struct shared_info *shared_info;
uint64_t *kernel_l4;

#define POOL_PAGES 1536
static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static void *free_pages[POOL_PAGES];
static unsigned int free_count;
static uint8_t shared_info_page[PAGE_SIZE] __attribute__((aligned(4096)));
static volatile unsigned int pool_lock;

void memory_init(void)
{
    kernel_l4 = (uint64_t *)start_info->pt_base;
    for (unsigned int i = POOL_PAGES; i-- > 0;)
        free_pages[free_count++] = pool[i];
    long rc = pte_try(shared_info_page, start_info->shared_info | PTE_RW, UVMF_INVLPG);
    if (rc)
        panic("mapping shared_info: %s", rc_name(rc));
    shared_info = (struct shared_info *)shared_info_page;
}

void *page_get(void)
{
    while (__atomic_exchange_n(&pool_lock, 1, __ATOMIC_ACQUIRE))
        cpu_relax();
    if (!free_count)
        panic("out of pages");
    void *page = free_pages[--free_count];
    __atomic_store_n(&pool_lock, 0, __ATOMIC_RELEASE);
    return memset(page, 0, PAGE_SIZE);
}

void page_put(void *page)
{
    while (__atomic_exchange_n(&pool_lock, 1, __ATOMIC_ACQUIRE))
        cpu_relax();
    free_pages[free_count++] = page;
    __atomic_store_n(&pool_lock, 0, __ATOMIC_RELEASE);
}

uint64_t va_to_mfn(const volatile void *va)
{
    return ((const uint64_t *)start_info->mfn_list)[(U(va) - VIRT_BASE) >> 12];
}

uint64_t va_to_maddr(const volatile void *va)
{
    return va_to_mfn(va) << 12 | (U(va) & (PAGE_SIZE - 1));
}

uint64_t *m2p_entry(uint64_t mfn)
{
    return (uint64_t *)MACH2PHYS_VIRT_START + mfn;
}

void *mfn_to_va(uint64_t mfn)
{
    return (void *)(VIRT_BASE + (*m2p_entry(mfn) << 12));
}

uint64_t *pte_of(const void *va, unsigned int level)
{
    uint64_t *table = kernel_l4;

    for (unsigned int l = 4;; l--) {
        uint64_t *entry = &table[(U(va) >> (12 + 9 * (l - 1))) & 511];
        if (l == level)
            return entry;
        if (!(*entry & PTE_P) || (*entry & PTE_PS))
            return NULL;
        table = mfn_to_va((*entry & PTE_FRAME) >> 12);
    }
}

long pte_try(const void *va, uint64_t pte, uint64_t flags)
{
    return HC(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

void pte_set(const void *va, uint64_t pte)
{
    long rc = pte_try(va, pte, UVMF_INVLPG | UVMF_ALL);
    if (rc)
        panic("update_va_mapping(%p, %lx): %s", va, pte, rc_name(rc));
}

void page_protect(const void *va)
{
    pte_set(va, va_to_maddr(va) | PTE_RO);
}

void page_unprotect(const void *va)
{
    pte_set(va, va_to_maddr(va) | PTE_RW);
}

long mmuext(unsigned int cmd, uint64_t arg1, uint64_t arg2)
{
    struct mmuext_op op = {.cmd = cmd};
    op.arg1.linear_addr = arg1;
    op.arg2.src_mfn = arg2;
    return HC(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
}

long mmu_set(uint64_t maddr, uint64_t value)
{
    struct mmu_update u = {.ptr = maddr, .val = value};
    return HC(__HYPERVISOR_mmu_update, &u, 1, 0, DOMID_SELF);
}

uint64_t pte_flags(uint64_t pte)
{
    return pte & ~(PTE_FRAME | PTE_A | PTE_D | PTE_G);
}

uint64_t *tables_extend(uint64_t *table, uint64_t va)
{
    for (unsigned int l = 4; l > 1; l--) {
        uint64_t *entry = &table[(va >> (12 + 9 * (l - 1))) & 511];
        if (!(*entry & PTE_P))
            *entry = va_to_maddr(page_get()) | PTE_TABLE;
        table = mfn_to_va((*entry & PTE_FRAME) >> 12);
    }
    return &table[(va >> 12) & 511];
}

static void tables_walk(uint64_t *table, unsigned int level, bool release)
{
    if (release)
        page_unprotect(table);
    else
        page_protect(table);
    for (unsigned int i = 0; level > 1 && i < (level == 4 ? 256 : 512); i++)
        if (table[i] & PTE_P)
            tables_walk(mfn_to_va((table[i] & PTE_FRAME) >> 12), level - 1, release);
    if (release)
        page_put(table);
}

void tables_protect(uint64_t *l4)
{
    tables_walk(l4, 4, false);
}

void tables_release(uint64_t *l4)
{
    tables_walk(l4, 4, true);
}
