/* Reads an ELF64 little-endian x86-64 kernel (EXEC or DYN) that lies whole in memory.
 *
 * Everything in the file is hostile: elf_parse() checks each header and each range against the
 * image before anything else may use them. Nothing is copied or allocated; the image must stay. */
#ifndef CORE_LOAD_ELF_H
#define CORE_LOAD_ELF_H

#include "abi/abi.h"
#include "base/bits.h"
#include "base/range.h"

enum { ELF_LOADS_MAX = 16, ELF_SECTIONS_MAX = 4096 };

/* One PT_LOAD: filesz bytes from data go to physical address paddr, zeroes fill up to memsz. */
struct elf_load {
    const uint8_t *data;
    uint64_t paddr;
    uint64_t filesz, memsz; /* filesz <= memsz */
    uint32_t flags;         /* PF_X 1, PF_W 2, PF_R 4 */
};

struct elf_image {
    const uint8_t *data;
    size_t len;
    uint64_t entry; /* e_entry, unchecked */
    struct elf_load loads[ELF_LOADS_MAX];
    unsigned nr_loads;     /* at least 1 */
    struct range paddrs;   /* from the lowest to the highest byte of any load; not empty */
    uint64_t phoff, shoff; /* tables, checked to lie in the image; shoff 0: no sections */
    unsigned phnum, shnum, shstrndx;
};

/* A run of bytes of the image. */
struct elf_bytes {
    const uint8_t *data;
    size_t len;
};

/* Returns 0, or -XEN_ENOEXEC (not such a file), -XEN_EINVAL (damaged), -XEN_E2BIG (more program
 * headers to load than ELF_LOADS_MAX); then *why says what is wrong, in a few words, and *elf is
 * unspecified. Loads may be in any order but may not overlap in physical memory. */
NODISCARD int elf_parse(const void *image, size_t len, struct elf_image *elf, const char **why);

/* Walk areas of notes: those of PT_NOTE, or with `sections` those of SHT_NOTE. Start with *cursor =
 * 0. Returns false at the end; areas that lie outside the image are skipped. */
bool elf_next_notes(const struct elf_image *elf, bool sections, unsigned *cursor,
                    struct elf_bytes *area);

/* The section with this name, if there is one and it lies in the image. */
bool elf_section(const struct elf_image *elf, const char *name, struct elf_bytes *section);

#endif
