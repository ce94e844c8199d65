/*
 * A kernel to be loaded: read from its file by a child that has given up everything else.
 */
#ifndef LIB_KERNEL_H
#define LIB_KERNEL_H

#include "lib/flat.h"

struct kernel {
    int fd; /* the file, or memory with what it was unpacked to */
    bool open;
    uint32_t nr_parts;
    struct flat_part part[ELF_LOADS_MAX];
    struct xen_notes notes;
};

/* What the child may use up. */
struct kernel_limits {
    uint64_t room;    /* bytes that the kernel may unpack to */
    uint64_t data;    /* bytes of memory beside those */
    unsigned seconds; /* of a processor's time */
};

/* Opens and checks; the limits are a share of this machine's memory, and two minutes. */
int kernel_open(struct kernel *k, const char *path, struct why *w);
int kernel_open_within(struct kernel *k, const char *path, const struct kernel_limits *l,
                       struct why *w);
/* Writes the kernel, from its first byte to its last, to `to`: range_length(notes.kernel) bytes. */
int kernel_copy(const struct kernel *k, uint8_t *to, struct why *w);
void kernel_close(struct kernel *k);

#endif
