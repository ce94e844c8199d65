/*
 * Kernel and initramfs files: read, unpacked, parsed; everything in them is hostile.
 */
#ifndef LIB_IMAGE_H
#define LIB_IMAGE_H

#include "core/load/elf.h"
#include "core/load/notes.h"
#include "lib/why.h"

enum { IMAGE_MAX_MIB = 1024 }; /* no file, packed or unpacked, is larger */

/* A file's bytes, mapped or malloced. */
struct image_bytes {
    const uint8_t *data;
    size_t len;
    bool mapped;
};

struct kernel {
    struct image_bytes file;     /* as on disk */
    struct image_bytes unpacked; /* the ELF inside, if it was packed */
    struct elf_image elf;
    struct xen_notes notes;
};

int image_open(struct image_bytes *b, const char *path, const char *what, struct why *w);
void image_close(struct image_bytes *b);

/* Opens, unpacks and parses a bzImage (xz, gzip, zstd, lz4 payload), packed or plain ELF. */
int kernel_open(struct kernel *k, const char *path, struct why *w);
/* The same from memory (for tests); the bytes must stay. */
int kernel_parse(struct kernel *k, const uint8_t *data, size_t len, struct why *w);
void kernel_close(struct kernel *k);

#endif
