/* The machine's memory map as dom0 sees it, and where the M2P lies. */
#include "core/frame/frame.h"
#include "hc/memory.h"
#include "x86/asm.h"
#include "x86/boot/info.h"
#include "x86/cpu.h"
#include "x86/layout.h"

static void insert(struct map_entry *map, uint32_t *n, struct map_entry e)
{
    uint32_t i = *n;

    for (uint32_t k = 0; k < *n; k++)
        if (e.start < map[k].start + map[k].size && map[k].start < e.start + e.size)
            return; /* the firmware says what is there already */
    while (i && map[i - 1].start > e.start) {
        map[i] = map[i - 1];
        i--;
    }
    map[i] = e;
    ++*n;
}

uint32_t machine_map(struct map_entry *entries)
{
    uint32_t n = 0;

    for (unsigned int i = 0; i < boot_info.ranges; i++) {
        const struct boot_range *r = &boot_info.map[i];

        if (r->size)
            insert(entries, &n, (struct map_entry){r->start, r->size, r->type});
    }
    /* Interrupt controllers are the hypervisor's: nothing may be placed over them. */
    insert(entries, &n, (struct map_entry){0xfec00000, 0x1000, MAP_RESERVED});
    insert(entries, &n, (struct map_entry){0xfee00000, 0x100000, MAP_RESERVED});
    return n;
}

mfn_t m2p_frame(uint64_t i)
{
    uint64_t va = M2P_VIRT + (i << 21);
    uint64_t table = hv_root;

    for (unsigned int shift = 39; shift >= 21; shift -= 9) {
        uint64_t e = *(uint64_t *)(DIRECT_VIRT + (table & PTE_ADDR) + (va >> shift & 511) * 8);

        if ((e & PTE_PS) || shift == 21)
            return maddr_mfn((e & PTE_ADDR) + (va & ((1ul << shift) - 1)));
        table = e;
    }
    return MFN_NONE;
}
