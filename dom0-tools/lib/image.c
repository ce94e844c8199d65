/*
 * Kernel files: finds the ELF in a bzImage or packed file and unpacks it (see image.h).
 *
 * The ELF itself and its notes are read by the code that the hypervisor's dom0 builder uses too
 * (core/load), so that both take the same kernels.
 */
#include "lib/image.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define MAX_BYTES ((size_t)IMAGE_MAX_MIB << 20)

int image_open(struct image_bytes *b, const char *path, const char *what, struct why *w)
{
    struct stat st;
    memset(b, 0, sizeof *b);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return why(w, -errno, "%s '%s': %s", what, path, strerror(errno));
    int rc = 0;
    if (fstat(fd, &st) < 0)
        rc = why(w, -errno, "%s '%s': %s", what, path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rc = why(w, -EINVAL, "%s '%s': not a regular file", what, path);
    else if (st.st_size <= 0)
        rc = why(w, -EINVAL, "%s '%s': the file is empty", what, path);
    else if ((size_t)st.st_size > MAX_BYTES)
        rc = why(w, -EFBIG, "%s '%s': larger than %d MiB", what, path, IMAGE_MAX_MIB);
    void *p = MAP_FAILED;
    if (!rc) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            rc = why(w, -errno, "%s '%s': %s", what, path, strerror(errno));
    }
    close(fd);
    if (!rc)
        *b = (struct image_bytes){.data = p, .len = (size_t)st.st_size, .mapped = true};
    return rc;
}

void image_close(struct image_bytes *b)
{
    if (b->mapped)
        munmap((void *)(uintptr_t)b->data, b->len);
    else
        free((void *)(uintptr_t)b->data);
    memset(b, 0, sizeof *b);
}

/* --- unpacking ------------------------------------------------------------------------------ */

/* A growing buffer for what comes out; it starts at a guess from what goes in. */
struct sink {
    uint8_t *data;
    size_t len, room;
};

static bool sink_grow(struct sink *o, size_t in_len)
{
    size_t room = o->room ? 2 * o->room : 8 * in_len + 65536;
    if (room > MAX_BYTES)
        room = MAX_BYTES;
    if (room == o->room)
        return false;
    uint8_t *more = realloc(o->data, room);
    if (!more)
        return false;
    o->data = more;
    o->room = room;
    return true;
}

static int damaged(struct why *w, const char *how)
{
    return why(w, -EINVAL, "its %s data is damaged, cut short or larger than %d MiB", how,
               IMAGE_MAX_MIB);
}

static int unpack_gz(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)len};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return why(w, -ENOMEM, "out of memory");
    int rc = Z_OK;
    while (rc == Z_OK) {
        if (o->len == o->room && !sink_grow(o, len))
            break;
        z.next_out = o->data + o->len;
        z.avail_out = (uInt)(o->room - o->len);
        rc = inflate(&z, Z_NO_FLUSH);
        o->len = (size_t)(z.next_out - o->data);
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : damaged(w, "gzip");
}

static int unpack_lzma(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    lzma_stream z = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&z, 256u << 20, 0) != LZMA_OK)
        return why(w, -ENOMEM, "out of memory");
    z.next_in = in;
    z.avail_in = len;
    lzma_ret rc = LZMA_OK;
    while (rc == LZMA_OK) {
        if (o->len == o->room && !sink_grow(o, len))
            break;
        z.next_out = o->data + o->len;
        z.avail_out = o->room - o->len;
        rc = lzma_code(&z, LZMA_RUN);
        o->len = (size_t)(z.next_out - o->data);
    }
    lzma_end(&z);
    return rc == LZMA_STREAM_END ? 0 : damaged(w, "xz");
}

static int unpack_zst(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z)
        return why(w, -ENOMEM, "out of memory");
    ZSTD_inBuffer ib = {.src = in, .size = len};
    size_t rc = ZSTD_initDStream(z);
    while (!ZSTD_isError(rc) && rc != 0) {
        if (o->len == o->room && !sink_grow(o, len))
            break;
        ZSTD_outBuffer ob = {.dst = o->data, .size = o->room, .pos = o->len};
        size_t before = ib.pos;
        rc = ZSTD_decompressStream(z, &ob, &ib);
        if (rc != 0 && ob.pos == o->len && ib.pos == before && ob.pos < ob.size)
            break;
        o->len = ob.pos;
    }
    ZSTD_freeDStream(z);
    return rc == 0 ? 0 : damaged(w, "zstd");
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The kernel's lz4 is the legacy frame: magic, then blocks of length and data, 8 MiB each. */
static int unpack_lz4(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    enum { BLOCK = 8 << 20 };
    size_t at = 4;
    while (len - at > 4) {
        size_t n = le32(in + at);
        at += 4;
        if (n == 0x184c2102u)
            continue;
        /* Behind the last block stands the unpacked size. */
        if (n > len - at)
            return at >= len - 4 || len - at == 0 ? 0 : damaged(w, "lz4");
        while (o->room - o->len < BLOCK)
            if (!sink_grow(o, len + BLOCK))
                return damaged(w, "lz4");
        int got =
            LZ4_decompress_safe((const char *)in + at, (char *)o->data + o->len, (int)n, BLOCK);
        if (got <= 0)
            return damaged(w, "lz4");
        o->len += (size_t)got;
        at += n;
    }
    return o->len ? 0 : damaged(w, "lz4");
}

struct packer {
    uint8_t magic[6];
    size_t magic_len;
    int (*unpack)(const uint8_t *in, size_t len, struct sink *o, struct why *w);
    const char *name;
};

static const struct packer packers[] = {
    {{0x1f, 0x8b}, 2, unpack_gz, "gzip"},
    {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, unpack_lzma, "xz"},
    {{0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zst, "zstd"},
    {{0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4, "lz4"},
    {{'B', 'Z', 'h'}, 3, NULL, "bzip2"},
    {{0x89, 'L', 'Z', 'O'}, 4, NULL, "LZO"},
    {{0x5d, 0, 0}, 3, NULL, "LZMA"},
};

static int unpack(struct kernel *k, const uint8_t *p, size_t len, struct why *w)
{
    for (size_t i = 0; i < sizeof packers / sizeof packers[0]; i++) {
        const struct packer *x = &packers[i];
        if (len < x->magic_len || memcmp(p, x->magic, x->magic_len) != 0)
            continue;
        if (!x->unpack)
            return why(w, -EOPNOTSUPP,
                       "it is packed with %s, which is not supported (gzip, xz, "
                       "zstd, lz4 are)",
                       x->name);
        struct sink o = {0};
        int rc = x->unpack(p, len, &o, w);
        if (rc)
            free(o.data);
        else
            k->unpacked = (struct image_bytes){.data = o.data, .len = o.len};
        return rc;
    }
    return why(w, -ENOEXEC, "not an ELF or bzImage file");
}

/* --- finding the ELF ------------------------------------------------------------------------ */

static bool is_elf(const uint8_t *p, size_t len)
{
    return len >= 4 && memcmp(p, "\177ELF", 4) == 0;
}

/* The payload of a bzImage, by its setup header (Linux's boot protocol, 2.08 and later). */
static int find_payload(const uint8_t **p, size_t *len, struct why *w)
{
    const uint8_t *b = *p;
    if (*len < 0x250 || memcmp(b + 0x202, "HdrS", 4) != 0)
        return 0;
    unsigned version = b[0x206] | (unsigned)b[0x207] << 8;
    if (version < 0x208)
        return why(w, -EOPNOTSUPP, "a bzImage of boot protocol %u.%02u; 2.08 or later is needed",
                   version >> 8, version & 255);
    size_t setup = ((b[0x1f1] ? b[0x1f1] : 4u) + 1) * 512;
    uint64_t start = (uint64_t)setup + le32(b + 0x248), size = le32(b + 0x24c);
    if (start > *len || size > *len - start || !size)
        return why(w, -EINVAL, "a bzImage whose header points outside the file: cut short?");
    *p = b + start;
    *len = (size_t)size;
    return 0;
}

int kernel_parse(struct kernel *k, const uint8_t *data, size_t len, struct why *w)
{
    const char *reason = "?";
    int rc = find_payload(&data, &len, w);
    if (!rc && !is_elf(data, len)) {
        rc = unpack(k, data, len, w);
        data = k->unpacked.data;
        len = k->unpacked.len;
    }
    if (rc)
        return rc;
    if (elf_parse(data, len, &k->elf, &reason) < 0)
        return why(w, -ENOEXEC, "not a kernel that can be loaded: %s", reason);
    if (notes_parse(&k->elf, &k->notes, &reason) < 0)
        return why(w, -ENOEXEC, "not a PV kernel: %s", reason);
    return 0;
}

int kernel_open(struct kernel *k, const char *path, struct why *w)
{
    memset(k, 0, sizeof *k);
    int rc = image_open(&k->file, path, "kernel", w);
    if (rc)
        return rc;
    rc = kernel_parse(k, k->file.data, k->file.len, w);
    if (rc) {
        kernel_close(k);
        return why_in(w, rc, "kernel '%s'", path);
    }
    return 0;
}

void kernel_close(struct kernel *k)
{
    image_close(&k->file);
    image_close(&k->unpacked);
}
