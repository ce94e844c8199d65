/*
 * What the child that reads a kernel hands to its parent (kernel.c): numbers only, which the parent
 * checks by plain comparisons, as if the child had fallen to the file that it read.
 */
#ifndef LIB_FLAT_H
#define LIB_FLAT_H

#include "lib/image.h"

/* Bytes of the file (or of what was unpacked), and where they go, counted from the kernel's start.
 * From at + file to at + mem there are zeroes, as between the parts. */
struct flat_part {
    uint64_t offset, file, at, mem;
};

struct flat {
    uint32_t done; /* the child came to its end */
    int32_t rc;    /* what image_parse() returned; `w` says why */
    struct why w;
    uint64_t unpacked; /* as image.unpacked */
    uint32_t nr_parts;
    struct flat_part part[ELF_LOADS_MAX]; /* in order of `at` */
    struct xen_notes notes;
};

void flat_make(struct flat *f, const struct image *i);

/*
 * Takes nothing on trust: `file_len` is the file's length, `room` what there was to unpack to.
 * On success (0) parts lie in order within their source and within the kernel, whose addresses are
 * as notes.h promises, and texts end. Else the sentence, with what is not text replaced; `f` is
 * put in order for that.
 */
int flat_check(struct flat *f, uint64_t file_len, uint64_t room, struct why *w);

#endif
