/* Unpackers: from memory to memory, nothing printed, any input tolerated.
 *
 * The work is done by Debian's zlib, liblzma and zstd, compiled into the hypervisor (unpack.ninja).
 * For boot: one CPU, one stream at a time. */
#ifndef CORE_LOAD_UNPACK_H
#define CORE_LOAD_UNPACK_H

#include "abi/abi.h"
#include "base/bits.h"

/* `work` is memory for the libraries, aligned to 16; afterwards it may hold anything. An xz stream
 * wants its dictionary there beside the result: 32 MiB for Debian 12's kernel, at most 4 GiB. The
 * others are content with 256 KiB. */
struct unpack {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_cap;
    uint8_t *work;
    size_t work_len;
};

/* Each takes a whole packed stream; bytes behind its end are ignored. They return 0 and set
 * *out_len; or
 *   -XEN_EINVAL     the data is damaged or cut short
 *   -XEN_EOPNOTSUPP it needs something that is not built in (a filter, a dictionary)
 *   -XEN_ENOSPC     the result is larger than out_cap
 *   -XEN_ENOMEM     work_len is too small
 * with *why saying what is wrong, in a few words. The contents of `out` behind *out_len, and all of
 * it after a failure, are unspecified. */
NODISCARD int unpack_gzip(const struct unpack *u, size_t *out_len, const char **why);
NODISCARD int unpack_xz(const struct unpack *u, size_t *out_len, const char **why);
NODISCARD int unpack_zstd(const struct unpack *u, size_t *out_len, const char **why);

/* What the libraries call for malloc, calloc and free. */
void *unpack_malloc(size_t size);
void *unpack_calloc(size_t n, size_t size);
void unpack_free(void *p);

#endif
