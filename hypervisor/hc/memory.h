/* What memory_op asks of the machine (x86/memmap.c). */
#ifndef HC_MEMORY_H
#define HC_MEMORY_H

#include "base/num.h"

/* One range of the memory map as the ABI hands it out (the BIOS's E820 form). */
struct map_entry {
    uint64_t start, size;
    uint32_t type;
} __attribute__((packed));

#define MAP_RAM      1
#define MAP_RESERVED 2
#define MAP_MAX      160 /* entries at most */

/* The machine's map, sorted, with what the hypervisor keeps for itself added; number of entries. */
uint32_t machine_map(struct map_entry *entries);

/* First frame of the i-th 2 MiB of the M2P table. */
mfn_t m2p_frame(uint64_t i);

#endif
