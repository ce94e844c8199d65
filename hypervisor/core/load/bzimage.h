/* The kernel inside a boot image: a bzImage with a packed ELF in it, a packed ELF, or an ELF. */
#ifndef CORE_LOAD_BZIMAGE_H
#define CORE_LOAD_BZIMAGE_H

#include "core/load/unpack.h"

enum image_form { IMAGE_ELF, IMAGE_GZIP, IMAGE_XZ, IMAGE_ZSTD };

struct image {
    const uint8_t *data; /* the ELF or packed stream, within the boot image */
    size_t len;
    enum image_form form;
    uint64_t unpacked_len; /* as the image claims: exact or wrong, 0 when it does not say */
};

/* Finds the kernel in a boot image. Returns 0; -XEN_ENOEXEC: not an image we know; -XEN_EINVAL: a
 * bzImage whose header lies; -XEN_EOPNOTSUPP: packed with something else (bzip2, LZMA, LZO,
 * LZ4). */
NODISCARD int image_find(const void *boot, size_t len, struct image *image, const char **why);

/* Unpacks a found kernel to u->out (u->in and u->in_len are ignored: they come from the image), as
 * unpack.h describes. For IMAGE_ELF nothing need be unpacked, and asking for it is -XEN_EINVAL. */
NODISCARD int image_unpack(const struct image *image, const struct unpack *u, size_t *out_len,
                           const char **why);

#endif
