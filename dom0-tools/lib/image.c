/*
 * Kernel files: finds the ELF in a bzImage or packed file and unpacks it (see image.h). The parsing
 * half runs in a child that can do nothing else (kernel.c): it asks the system for memory only.
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
#include <zstd_errors.h>

#define MAX_BYTES ((size_t)IMAGE_MAX_MIB << 20)

int image_file(const char *path, const char *what, size_t *len, struct why *w)
{
    struct stat st;
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
    if (rc)
        close(fd);
    else
        *len = (size_t)st.st_size;
    return rc ? rc : fd;
}

int image_open(struct image_bytes *b, const char *path, const char *what, struct why *w)
{
    size_t len = 0;
    memset(b, 0, sizeof *b);
    int fd = image_file(path, what, &len, w);
    if (fd < 0)
        return fd;
    void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    int rc = p == MAP_FAILED ? why(w, -errno, "%s '%s': %s", what, path, strerror(errno)) : 0;
    close(fd);
    if (!rc)
        *b = (struct image_bytes){.data = p, .len = len};
    return rc;
}

void image_close(struct image_bytes *b)
{
    if (b->data)
        munmap((void *)(uintptr_t)b->data, b->len);
    memset(b, 0, sizeof *b);
}

/* --- unpacking ------------------------------------------------------------------------------ */

/* Where what comes out is put; it does not grow. */
struct sink {
    uint8_t *data;
    size_t len, room;
};

static int damaged(const struct sink *o, struct why *w, const char *how)
{
    if (o->len == o->room)
        return why(w, -EFBIG, "it unpacks to more than %zu MiB, the most that is taken here",
                   o->room >> 20);
    return why(w, -EINVAL, "its %s data is damaged or cut short", how);
}

static int too_hungry(struct why *w, const char *how)
{
    return why(w, -ENOMEM, "unpacking its %s data takes more memory than it may have here", how);
}

static int unpack_gz(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)len};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return too_hungry(w, "gzip");
    int rc = Z_OK;
    while (rc == Z_OK && o->len < o->room) {
        z.next_out = o->data + o->len;
        z.avail_out = (uInt)(o->room - o->len);
        rc = inflate(&z, Z_NO_FLUSH);
        o->len = (size_t)(z.next_out - o->data);
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : damaged(o, w, "gzip");
}

static int unpack_lzma(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    lzma_stream z = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&z, 256u << 20, 0) != LZMA_OK)
        return too_hungry(w, "xz");
    z.next_in = in;
    z.avail_in = len;
    lzma_ret rc = LZMA_OK;
    while (rc == LZMA_OK && o->len < o->room) {
        z.next_out = o->data + o->len;
        z.avail_out = o->room - o->len;
        rc = lzma_code(&z, LZMA_RUN);
        o->len = (size_t)(z.next_out - o->data);
    }
    lzma_end(&z);
    if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return too_hungry(w, "xz");
    return rc == LZMA_STREAM_END ? 0 : damaged(o, w, "xz");
}

static int unpack_zst(const uint8_t *in, size_t len, struct sink *o, struct why *w)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z)
        return too_hungry(w, "zstd");
    ZSTD_inBuffer ib = {.src = in, .size = len};
    size_t rc = ZSTD_initDStream(z);
    while (!ZSTD_isError(rc) && rc != 0 && o->len < o->room) {
        ZSTD_outBuffer ob = {.dst = o->data, .size = o->room, .pos = o->len};
        size_t before = ib.pos;
        rc = ZSTD_decompressStream(z, &ob, &ib);
        if (rc != 0 && ob.pos == o->len && ib.pos == before && ob.pos < ob.size)
            break;
        o->len = ob.pos;
    }
    ZSTD_freeDStream(z);
    if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
        return too_hungry(w, "zstd");
    return rc == 0 ? 0 : damaged(o, w, "zstd");
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
            return at >= len - 4 || len - at == 0 ? 0 : damaged(o, w, "lz4");
        size_t room = o->room - o->len < BLOCK ? o->room - o->len : BLOCK;
        int got =
            LZ4_decompress_safe((const char *)in + at, (char *)o->data + o->len, (int)n, (int)room);
        if (got <= 0 && room < BLOCK)
            o->len = o->room; /* what did not fit does not tell itself from damage */
        if (got <= 0)
            return damaged(o, w, "lz4");
        o->len += (size_t)got;
        at += n;
    }
    return o->len ? 0 : damaged(o, w, "lz4");
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

static int unpack(const uint8_t *p, size_t len, struct sink *o, struct why *w)
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
        return x->unpack(p, len, o, w);
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

int image_parse(struct image *i, const uint8_t *data, size_t len, uint8_t *room, size_t room_len,
                struct why *w)
{
    const char *reason = "?";
    const uint8_t *file = data;
    struct sink o = {.data = room, .room = room_len};
    int rc = find_payload(&data, &len, w);
    *i = (struct image){.unpacked = 0};
    if (!rc && !is_elf(data, len)) {
        rc = unpack(data, len, &o, w);
        file = data = o.data;
        i->unpacked = len = o.len;
    }
    if (rc)
        return rc;
    i->elf_at = (size_t)(data - file);
    if (elf_parse(data, len, &i->elf, &reason) < 0)
        return why(w, -ENOEXEC, "not a kernel that can be loaded: %s", reason);
    if (notes_parse(&i->elf, &i->notes, &reason) < 0)
        return why(w, -ENOEXEC, "not a PV kernel: %s", reason);
    return 0;
}
