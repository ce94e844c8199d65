/* What a PV kernel says about itself: its Xen ELF notes (or the older `__xen_guest` string), and
 * what follows for the virtual addresses it wants. */
#ifndef CORE_LOAD_NOTES_H
#define CORE_LOAD_NOTES_H

#include "core/load/elf.h"

enum { NOTES_TEXT_MAX = 32, NOTES_FEATURE_WORDS = XENFEAT_NR_SUBMAPS };

struct xen_notes {
    uint32_t present; /* bit n: XEN_ELFNOTE_n was given (n < 32) */
    bool legacy;      /* from __xen_guest */

    /* As given, or as defaulted by notes_parse(). */
    uint64_t virt_base;      /* address that pseudo-physical 0 is mapped at */
    uint64_t paddr_offset;   /* subtracted from the ELF's paddr first */
    uint64_t entry;          /* first instruction */
    uint64_t hypercall_page; /* where to write stubs, if present */
    uint64_t init_p2m;       /* where to map the p2m list, if present */
    uint64_t mod_start_pfn;  /* not 0: start_info.mod_start is a frame number, initrd unmapped */
    uint64_t ignored;        /* of a number that nobody here goes by */
    uint32_t supported[NOTES_FEATURE_WORDS]; /* XENFEAT_* bits the kernel can live with */
    uint32_t required[NOTES_FEATURE_WORDS];  /* those marked "!": it cannot live without */

    char guest_os[NOTES_TEXT_MAX], guest_version[NOTES_TEXT_MAX];
    char xen_version[NOTES_TEXT_MAX], loader[NOTES_TEXT_MAX];

    struct range kernel; /* virtual addresses of the loaded image */
};

/* Returns 0; -XEN_ENOENT: the file says nothing about Xen; -XEN_EINVAL: what it says is damaged or
 * contradicts itself; -XEN_ENOEXEC: it is not a 64-bit PV kernel for this ABI. Then *why tells.
 *
 * On success: virt_base is page-aligned, entry lies in kernel, kernel starts at or above virt_base,
 * hypercall_page (if present) is page-aligned and in kernel, and init_p2m (if present) is
 * page-aligned. */
NODISCARD int notes_parse(const struct elf_image *elf, struct xen_notes *notes, const char **why);

static inline bool notes_has(const struct xen_notes *notes, unsigned type)
{
    return (notes->present >> type) & 1;
}

static inline bool notes_supports(const struct xen_notes *notes, unsigned feature)
{
    return feature / 32 < NOTES_FEATURE_WORDS &&
           ((notes->supported[feature / 32] >> (feature % 32)) & 1) != 0;
}

/* Reads "a|!b|c" into supported[] and, for "!b", required[] too; adds to what is there. An unknown
 * feature is ignored, but false comes back when it is required. */
NODISCARD bool notes_parse_features(const char *text, size_t len, uint32_t *supported,
                                    uint32_t *required);

#endif
