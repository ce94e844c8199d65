/*
 * Kernels read by a confined child: each packing comes out as the ELF it was, a bomb and whatever a
 * reader that fell to its file may do end with a sentence and leave nothing behind, and a
 * description that lies is refused.
 *
 *   axl_kernel_test KERNEL   an ELF kernel that is not packed
 */
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <lzma.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/kernel.h"
#include "port/elf_place.h"
#include "unit/check.h"

enum { BOMB = 40 << 20, ROOM = 4 << 20 };

static const struct kernel_limits limits = {.room = ROOM, .seconds = 60};
static char file[] = "/tmp/axl_kernel_test.XXXXXX";

static void write_file(const void *p, size_t n)
{
    int fd = open(file, O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

/* --- packings ------------------------------------------------------------------------------- */

static size_t pack_gz(uint8_t *to, size_t room, const uint8_t *p, size_t n)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)p,
                  .avail_in = (uInt)n,
                  .next_out = to,
                  .avail_out = (uInt)room};
    deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static size_t pack_xz(uint8_t *to, size_t room, const uint8_t *p, size_t n)
{
    size_t at = 0;
    CHECK_EQ(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, p, n, to, &at, room), LZMA_OK);
    return at;
}

static size_t pack_zst(uint8_t *to, size_t room, const uint8_t *p, size_t n)
{
    return ZSTD_compress(to, room, p, n, 1);
}

static void put32(uint8_t *p, size_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static size_t pack_lz4(uint8_t *to, size_t room, const uint8_t *p, size_t n)
{
    size_t at = 4;
    put32(to, 0x184c2102);
    for (size_t from = 0; from < n; from += 8 << 20) {
        size_t k = n - from < 8 << 20 ? n - from : 8 << 20;
        int got = LZ4_compress_default((const char *)p + from, (char *)to + at + 4, (int)k,
                                       (int)(room - at - 4));
        CHECK(got > 0);
        put32(to + at, (size_t)got);
        at += 4 + (size_t)got;
    }
    put32(to + at, n);
    return at + 4;
}

static const struct {
    const char *name;
    size_t (*pack)(uint8_t *to, size_t room, const uint8_t *p, size_t n);
} packings[] = {{"gzip", pack_gz}, {"xz", pack_xz}, {"zstd", pack_zst}, {"lz4", pack_lz4}};

/* --- what there is to begin with must be there at the end ------------------------------------ */

static int descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static bool nothing_left(int before)
{
    return CHECK_EQ(descriptors(), before) && CHECK(waitpid(-1, NULL, WNOHANG) < 0);
}

/* The file is refused, with a sentence that names it and holds `part`. */
static void refused(const struct kernel_limits *l, int want, const char *part)
{
    struct kernel k;
    struct why w = {""};
    const int before = descriptors();
    int rc = kernel_open_within(&k, file, l, &w);
    if (!CHECK_EQ(rc, want) || !CHECK(strstr(w.text, part)) || !CHECK(strstr(w.text, file)))
        printf("  %d: %s\n", rc, w.text);
    CHECK(!k.open);
    nothing_left(before);
}

static void same_as(const struct elf_image *elf, const uint8_t *want)
{
    struct kernel k;
    struct why w = {""};
    const int before = descriptors();
    if (!CHECK_EQ(kernel_open_within(&k, file, &limits, &w), 0)) {
        printf("  %s\n", w.text);
        return;
    }
    const size_t n = range_length(elf->paddrs);
    CHECK_EQ(range_length(k.notes.kernel), n);
    uint8_t *got = malloc(n);
    memset(got, 0x77, n);
    CHECK_EQ(kernel_copy(&k, got, &w), 0);
    CHECK(memcmp(got, want, n) == 0);
    free(got);
    kernel_close(&k);
    nothing_left(before);
}

static void test_good(const uint8_t *kernel, size_t len, const struct image *i)
{
    uint8_t *packed = malloc(ROOM), *want = malloc(range_length(i->elf.paddrs));
    elf_place(&i->elf, want);
    write_file(kernel, len);
    same_as(&i->elf, want);
    for (size_t k = 0; k < sizeof packings / sizeof packings[0]; k++) {
        write_file(packed, packings[k].pack(packed, ROOM, kernel, len));
        same_as(&i->elf, want);
    }
    /* Who started us may not care for children. */
    signal(SIGCHLD, SIG_IGN);
    same_as(&i->elf, want);
    signal(SIGCHLD, SIG_DFL);
    free(packed);
    free(want);
}

static void test_bombs(void)
{
    uint8_t *packed = malloc(ROOM), *zeroes = calloc(1, BOMB);
    for (size_t k = 0; k < sizeof packings / sizeof packings[0]; k++) {
        size_t n = packings[k].pack(packed, ROOM, zeroes, BOMB);
        write_file(packed, n);
        refused(&limits, -EFBIG, "it unpacks to more than 4 MiB");
        write_file(packed, n / 2);
        refused(&(struct kernel_limits){.room = BOMB + 4096, .seconds = 60}, -EINVAL,
                "data is damaged or cut short");
    }
    free(packed);
    free(zeroes);
}

static void test_taken_over(const uint8_t *kernel, size_t len)
{
    static const struct {
        const char *how;
        int rc;
        const char *part;
    } t[] = {
        {"crash", -EINVAL, "its reader crashed"},
        {"open", -EPERM, "as it tried to do more than read"},
        {"socket", -EPERM, "as it tried to do more than read"},
        {"write", -EPERM, "as it tried to do more than read"},
        {"execute", -EPERM, "as it tried to do more than read"},
        {"quit", -EINVAL, "it ended early"},
        {"lie", -EINVAL, "what its reader says of it cannot be"},
    };
    write_file(kernel, len);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        setenv("AXL_READER", t[i].how, 1);
        refused(&limits, t[i].rc, t[i].part);
    }
    setenv("AXL_READER", "spin", 1);
    refused(&(struct kernel_limits){.room = ROOM, .seconds = 1}, -ETIME, "it takes more than 1 s");
    unsetenv("AXL_READER");
}

/* The file changes behind the parent's back, after it was checked. */
static void test_shortened(const uint8_t *kernel, size_t len, const struct image *i)
{
    struct kernel k;
    struct why w = {""};
    uint8_t *to = malloc(range_length(i->elf.paddrs));
    write_file(kernel, len);
    CHECK_EQ(kernel_open_within(&k, file, &limits, &w), 0);
    CHECK_EQ(truncate(file, 100), 0);
    CHECK_EQ(kernel_copy(&k, to, &w), -EIO);
    CHECK(strstr(w.text, "the file got shorter"));
    kernel_close(&k);
    free(to);
}

/* Descriptions with a few bytes of them changed: what is taken must be safe to use. */
static void test_lies(const struct image *i, uint64_t len)
{
    struct flat good = {.done = 1}, f;
    struct why w;
    unsigned taken = 0;
    flat_make(&good, i);
    f = good;
    CHECK_EQ(flat_check(&f, len, ROOM, &w), 0);
    srandom(4);
    for (int step = 0; step < 200000; step++) {
        f = good;
        for (long n = 1 + random() % 3; n > 0; n--)
            ((uint8_t *)&f)[(size_t)random() % sizeof f] = (uint8_t)random();
        if (flat_check(&f, len, ROOM, &w))
            continue;
        taken++;
        const uint64_t source = f.unpacked ? f.unpacked : len, size = range_length(f.notes.kernel);
        bool ok =
            f.nr_parts >= 1 && f.nr_parts <= ELF_LOADS_MAX && source <= (f.unpacked ? ROOM : len);
        uint64_t done = 0;
        for (uint32_t k = 0; ok && k < f.nr_parts; k++) {
            const struct flat_part *p = &f.part[k];
            unsigned __int128 from = p->offset, at = p->at;
            ok = from + p->file <= source && at + p->mem <= size && p->file <= p->mem &&
                 p->at >= done;
            done = p->at + p->mem;
        }
        if (!CHECK(ok && done == size && range_contains(f.notes.kernel, f.notes.entry)))
            break;
    }
    CHECK(taken > 1000);
    f = good;
    f.rc = -ENOEXEC;
    memset(f.w.text, '\033', sizeof f.w.text);
    CHECK_EQ(flat_check(&f, len, ROOM, &w), -ENOEXEC);
    CHECK_EQ(strspn(w.text, "?"), sizeof w.text - 1);
}

int main(int argc, char **argv)
{
    static uint8_t kernel[1 << 20], room[4096];
    struct image i;
    struct why w = {""};
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    ssize_t n = read(fd, kernel, sizeof kernel);
    close(fd);
    if (n <= 0 || (fd = mkstemp(file)) < 0 ||
        image_parse(&i, kernel, (size_t)n, room, sizeof room, &w)) {
        printf("cannot begin: %s\n", w.text);
        return 2;
    }
    close(fd);
    test_good(kernel, (size_t)n, &i);
    test_bombs();
    test_taken_over(kernel, (size_t)n);
    test_shortened(kernel, (size_t)n, &i);
    test_lies(&i, (uint64_t)n);
    unlink(file);
    return check_result();
}
