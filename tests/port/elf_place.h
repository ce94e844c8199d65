/* What a loader makes of an ELF file, in the plainest way, for tests to compare with. */
#ifndef PORT_ELF_PLACE_H
#define PORT_ELF_PLACE_H

#include <string.h>

#include "core/load/elf.h"

/* The byte at physical address p goes to to[p - elf->paddrs.start]; all else there is zero. */
static inline void elf_place(const struct elf_image *elf, uint8_t *to)
{
    memset(to, 0, elf->paddrs.end - elf->paddrs.start);
    for (unsigned i = 0; i < elf->nr_loads; i++)
        memcpy(to + (elf->loads[i].paddr - elf->paddrs.start), elf->loads[i].data,
               elf->loads[i].filesz);
}

#endif
