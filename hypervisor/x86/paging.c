/* The hypervisor's page tables (x86/layout.h): built once, shared by all page tables.
 *
 * Only the sixteen L4 entries are copied into guests' tables, and they never change after
 * paging_init(); all later mappings go into lower tables, which everyone shares. Tables are never
 * freed. hv_map() and io_map() run at boot, or under RANK_MACHINE. */
#include "x86/paging.h"

#include "abi/abi.h"
#include "base/string.h"
#include "core/frame/frame.h"
#include "port/frame.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/cpu.h"

uint64_t hv_l4_slots[16];
uint64_t hv_root;

static uint64_t direct_base; /* 0 while the boot loader's one-to-one map is in use */
static uint64_t early_start, early_next, early_end;
static bool early_done;

static uint64_t *table_at(uint64_t maddr)
{
    return (uint64_t *)((maddr & PTE_ADDR) + direct_base);
}

void *paging_ptr(uint64_t maddr)
{
    return (void *)(maddr + direct_base);
}

void early_init(uint64_t start, uint64_t end)
{
    early_start = start;
    early_next = early_end = end;
}

uint64_t early_alloc(uint64_t pages)
{
    if (early_done || early_next - early_start < pages * FRAME_SIZE)
        stop("too little memory below 4 GiB for the hypervisor's own tables");
    early_next -= pages * FRAME_SIZE;
    memset(table_at(early_next), 0, pages * FRAME_SIZE);
    return early_next;
}

struct ram_range early_taken(void)
{
    early_done = true;
    return (struct ram_range){early_next, early_end};
}

struct ram_range early_taken_so_far(void)
{
    return (struct ram_range){early_start, early_end};
}

static uint64_t table_alloc(void)
{
    if (!early_done)
        return early_alloc(1);
    mfn_t m = frame_alloc(NULL, 0, 0, 0);
    if (mfn_eq(m, MFN_NONE))
        return 0;
    memset(mfn_ptr(m), 0, FRAME_SIZE);
    return mfn_maddr(m);
}

/* The entry for va at a level (1 = 4 KiB), with tables above it made as needed; NULL: no memory. */
static uint64_t *entry_for(uint64_t va, unsigned int level)
{
    uint64_t *entry = &table_at(hv_root)[va >> 39 & 511];

    for (unsigned int at = 4; at > level; at--) {
        if (!(*entry & PTE_P)) {
            uint64_t table = table_alloc();

            if (!table)
                return NULL;
            *entry = table | PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;
        }
        entry = &table_at(*entry)[va >> (12 + 9 * (at - 2)) & 511];
    }
    return entry;
}

uint64_t hv_entry(uint64_t va, unsigned int level)
{
    uint64_t entry = table_at(hv_root)[va >> 39 & 511];

    for (unsigned int at = 4; at > level && (entry & PTE_P); at--)
        entry = table_at(entry)[va >> (12 + 9 * (at - 2)) & 511];
    return entry & PTE_P ? entry : 0;
}

int hv_map(uint64_t va, uint64_t maddr, uint64_t flags)
{
    uint64_t *entry = entry_for(va, 1);

    if (!entry)
        return -XEN_ENOMEM;
    *entry = maddr | flags | PTE_P | PTE_A | PTE_D;
    return 0;
}

void hv_unmap(uint64_t va)
{
    uint64_t *entry = entry_for(va, 1);

    if (entry)
        *entry = 0;
    invlpg(va);
}

/* Maps [maddr, end) at va with the largest pages that fit. */
static void map_range(uint64_t va, uint64_t maddr, uint64_t end, uint64_t flags)
{
    while (maddr < end) {
        unsigned int level = 1;
        uint64_t size = FRAME_SIZE;

        for (unsigned int try = 3; try > 1; try--) {
            uint64_t big = FRAME_SIZE << 9 * (try - 1);

            if ((try < 3 || cpu_has_1g_pages) && !((va | maddr) & (big - 1)) &&
                end - maddr >= big) {
                level = try;
                size = big;
                break;
            }
        }
        *entry_for(va, level) = maddr | flags | PTE_P | PTE_A | PTE_D | (level > 1 ? PTE_PS : 0);
        va += size;
        maddr += size;
    }
}

static void map_image(void)
{
    struct {
        char *start, *end;
        uint64_t flags;
    } part[] = {
        {image_start, image_rodata, 0},
        {image_rodata, image_data, PTE_NX},
        {image_data, image_end, PTE_NX | PTE_RW},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(part); i++)
        for (char *p = part[i].start; p < part[i].end; p += FRAME_SIZE)
            hv_map((uint64_t)p, image_maddr(p), part[i].flags | PTE_G);
}

/* Maps an array of `size` bytes for each frame, from `at` on, which is inside it: memory where
 * there is RAM, one page for all that are wholly of holes. Returns the address behind. */
static uint64_t map_per_frame(uint64_t at, uint64_t array, uint64_t size,
                              const struct ram_range *ram, unsigned int n)
{
    uint64_t hole = early_alloc(1);

    for (unsigned int i = 0; i < n; i++) {
        uint64_t from = (array + (ram[i].start >> FRAME_SHIFT) * size) & ~FRAME_MASK;
        uint64_t end = array + (ram[i].end >> FRAME_SHIFT) * size;

        for (; at < end; at += FRAME_SIZE)
            hv_map(at, at < from ? hole : early_alloc(1), PTE_RW | PTE_NX | PTE_G);
    }
    return at;
}

/* The M2P, twice, for all frames below max; words and marks. */
static void map_frame_tables(uint64_t m2p, uint64_t m2p_size, uint64_t max,
                             const struct ram_range *ram, unsigned int n)
{
    memset(table_at(m2p), 0xff, m2p_size);
    map_range(M2P_VIRT, m2p, m2p + m2p_size, PTE_US | PTE_NX | PTE_G);
    map_range(M2P_RW_VIRT, m2p, m2p + m2p_size, PTE_RW | PTE_NX | PTE_G);
    uint64_t at = map_per_frame(FRAMES_VIRT, FRAMES_VIRT, FRAME_WORD_BYTES, ram, n);
    map_per_frame(at, FRAMES_VIRT + max * FRAME_WORD_BYTES, FRAME_MARK_BYTES, ram, n);
}

void paging_init(const struct ram_range *ram, unsigned int n)
{
    uint64_t max = ram[n - 1].end >> FRAME_SHIFT, m2p_size = (max * 8 + 0x1fffff) & ~0x1fffffUL;
    uint64_t m2p = early_alloc(m2p_size / FRAME_SIZE); /* first, where early memory is aligned */

    hv_root = early_alloc(1);
    /* All sixteen slots get their L3 now, so that the entries copied to guests stay complete. */
    for (unsigned int slot = 0; slot < 16; slot++)
        entry_for(M2P_VIRT + ((uint64_t)slot << 39), 3);
    for (unsigned int i = 0; i < n; i++)
        map_range(DIRECT_VIRT + ram[i].start, ram[i].start, ram[i].end, PTE_RW | PTE_NX | PTE_G);
    map_image();
    map_frame_tables(m2p, m2p_size, max, ram, n);

    uint64_t *root = table_at(hv_root);
    for (unsigned int slot = 0; slot < 16; slot++) {
        /* Only the read-only M2P is reachable in user mode. */
        if (slot)
            root[256 + slot] &= ~PTE_US;
        hv_l4_slots[slot] = root[256 + slot];
    }
    if (percpu_alloc(0, 0))
        stop("no memory for the boot processor");
    write_cr3(hv_root);
    direct_base = DIRECT_VIRT;
}

void *io_map(uint64_t maddr, uint64_t len, uint64_t flags)
{
    static uint64_t next = IOMAP_VIRT;
    uint64_t offset = maddr & FRAME_MASK;
    uint64_t pages = (offset + len + FRAME_MASK) >> FRAME_SHIFT;
    uint64_t va = next;

    if (len > 0x10000000 || va + pages * FRAME_SIZE > IOMAP_VIRT + 0x40000000)
        return NULL;
    for (uint64_t i = 0; i < pages; i++)
        if (hv_map(va + i * FRAME_SIZE, (maddr & ~FRAME_MASK) + i * FRAME_SIZE,
                   PTE_RW | PTE_NX | PTE_G | flags))
            return NULL;
    next += (pages + 1) * FRAME_SIZE; /* a hole catches overruns */
    return (void *)(va + offset);
}
