/* Unpackers: from memory to memory, nothing allocated, nothing printed, any input tolerated.
 *
 * Each takes a whole packed stream and a buffer for the whole result, which also serves as the
 * dictionary. They return 0 and set *out_len; or
 *   -XEN_EINVAL     the data is damaged or cut short
 *   -XEN_EOPNOTSUPP it needs something that is not built in (a filter, a dictionary)
 *   -XEN_ENOSPC     the result is larger than out_cap
 * with *why saying what is wrong, in a few words. The buffer's contents beyond *out_len, and all of
 * it after a failure, are unspecified. Bytes behind the stream's end are ignored.
 *
 * `scratch` is UNPACK_SCRATCH bytes, aligned to 16, for tables; it needs no initial contents. */
#ifndef CORE_LOAD_UNPACK_H
#define CORE_LOAD_UNPACK_H

#include "abi/abi.h"
#include "base/bits.h"

#define UNPACK_SCRATCH (160UL << 10)

struct unpack {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_cap;
    void *scratch;
    bool verify; /* check the result's checksum too: some instructions a byte; headers always are */
};

NODISCARD int unpack_gzip(const struct unpack *u, size_t *out_len, const char **why);
NODISCARD int unpack_xz(const struct unpack *u, size_t *out_len, const char **why);
NODISCARD int unpack_zstd(const struct unpack *u, size_t *out_len, const char **why);

/* The CRC-32 of gzip and xz: start with crc 0, feed it its own results. */
uint32_t unpack_crc32(uint32_t crc, const uint8_t *p, size_t len);

/* The XXH64 of zstd, with seed 0; the format keeps its lower half. */
uint64_t unpack_xxh64(const uint8_t *p, size_t len);

#endif
