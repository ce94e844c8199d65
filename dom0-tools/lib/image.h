/*
 * Kernel and ramdisk files: opened, unpacked, parsed; everything in them is hostile.
 */
#ifndef LIB_IMAGE_H
#define LIB_IMAGE_H

#include "core/load/elf.h"
#include "core/load/notes.h"
#include "lib/why.h"

enum { IMAGE_MAX_MIB = 1024 }; /* no file, packed or unpacked, is larger */

/* A file's bytes, mapped. */
struct image_bytes {
    const uint8_t *data;
    size_t len;
};

/* A kernel as it was found in memory. */
struct image {
    size_t unpacked; /* bytes it was unpacked to; 0: the ELF lies in the file itself */
    size_t elf_at;   /* where the ELF begins, in the file or in what it was unpacked to */
    struct elf_image elf;
    struct xen_notes notes;
};

/* Opens a file for reading. Returns its descriptor and its length; `what` is for the sentence. */
int image_file(const char *path, const char *what, size_t *len, struct why *w);

int image_open(struct image_bytes *b, const char *path, const char *what, struct why *w);
void image_close(struct image_bytes *b);

/*
 * Finds, unpacks and parses what is in `data`: a bzImage (xz, gzip, zstd, lz4 payload), a packed or
 * a plain ELF. What is packed goes to `room`. Both must stay as long as the image is used.
 */
int image_parse(struct image *i, const uint8_t *data, size_t len, uint8_t *room, size_t room_len,
                struct why *w);

#endif
