/* What stands between a boot image and the libraries that unpack it: their memory and their errors.
 *
 * A library's memory is cut off `work` and never given back: each allocates a handful of pieces for
 * a stream, however long. No lock: boot has one CPU. */
#include "core/load/unpack.h"
#include "base/string.h"
#include "core/load/why.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

static uint8_t *pool;
static size_t pool_left;

static void use_pool(const struct unpack *u)
{
    pool = u->work;
    pool_left = u->work_len & ~15ul;
}

void *unpack_malloc(size_t size)
{
    void *p = pool;

    if (size > pool_left)
        return NULL;
    size = (size + 15) & ~15ul; /* no more than is left, which is a multiple of 16 too */
    pool += size;
    pool_left -= size;
    return p;
}

void *unpack_calloc(size_t n, size_t size)
{
    size_t bytes;
    void *p = __builtin_mul_overflow(n, size, &bytes) ? NULL : unpack_malloc(bytes);

    return p ? memset(p, 0, bytes) : NULL;
}

void unpack_free(void *p)
{
    (void)p;
}

static int no_room(const char **why)
{
    return bad(-XEN_ENOSPC, "larger than it says", why);
}

static int no_memory(const char **why)
{
    return bad(-XEN_ENOMEM, "too little memory to unpack it", why);
}

int unpack_gzip(const struct unpack *u, size_t *out_len, const char **why)
{
    z_stream z = {
        .next_in = (uint8_t *)u->in,
        .avail_in = u->in_len > UINT32_MAX ? UINT32_MAX : (unsigned int)u->in_len,
        .next_out = u->out,
        .avail_out = u->out_cap > UINT32_MAX ? UINT32_MAX : (unsigned int)u->out_cap,
    };
    enum { WINDOW = 15, GZIP_ONLY = 16 };

    use_pool(u);
    int rc = inflateInit2(&z, WINDOW + GZIP_ONLY);
    if (rc == Z_OK)
        rc = inflate(&z, Z_FINISH);
    *out_len = z.total_out;
    if (rc == Z_STREAM_END)
        return 0;
    if (rc == Z_MEM_ERROR)
        return no_memory(why);
    if (rc == Z_BUF_ERROR && z.avail_in)
        return no_room(why);
    return bad(-XEN_EINVAL, z.msg ? z.msg : "gzip: cut short", why);
}

int unpack_xz(const struct unpack *u, size_t *out_len, const char **why)
{
    uint64_t limit = UINT64_MAX;
    size_t in_pos = 0;

    *out_len = 0;
    use_pool(u);
    switch (lzma_stream_buffer_decode(&limit, 0, NULL, u->in, &in_pos, u->in_len, u->out, out_len,
                                      u->out_cap)) {
        ROW(LZMA_OK, 0);
        ROW(LZMA_OPTIONS_ERROR, bad(-XEN_EOPNOTSUPP, "xz: a filter other than LZMA2, x86", why));
        ROW(LZMA_MEM_ERROR, no_memory(why));
        ROW(LZMA_BUF_ERROR, no_room(why));
    default:
        return bad(-XEN_EINVAL, "xz: damaged or cut short", why);
    }
}

int unpack_zstd(const struct unpack *u, size_t *out_len, const char **why)
{
    use_pool(u);
    size_t n = ZSTD_findFrameCompressedSize(u->in, u->in_len);
    if (!ZSTD_isError(n))
        n = ZSTD_decompress(u->out, u->out_cap, u->in, n);
    *out_len = n;
    if (!ZSTD_isError(n))
        return 0;
    switch (ZSTD_getErrorCode(n)) {
        ROW(ZSTD_error_dstSize_tooSmall, no_room(why));
        ROW(ZSTD_error_memory_allocation, no_memory(why));
    case ZSTD_error_dictionary_wrong:
    case ZSTD_error_version_unsupported:
    case ZSTD_error_frameParameter_unsupported:
        return bad(-XEN_EOPNOTSUPP, ZSTD_getErrorName(n), why);
    default:
        return bad(-XEN_EINVAL, ZSTD_getErrorName(n), why);
    }
}
