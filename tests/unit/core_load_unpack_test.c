/*
 * The unpackers and bzImage: what the host's gzip, xz and zstd pack must come out as it went in,
 * with every option that changes the format; damaged and cut streams must be refused without a
 * byte read or written outside (ASan watches).
 */
#include <stdlib.h>
#include <time.h>

#include "core/load/bzimage.h"
#include "tests/unit/check.h"

enum { PLAIN_MAX = 3 << 19 };

static uint8_t plain[PLAIN_MAX], packed[PLAIN_MAX + (1 << 20)], out[PLAIN_MAX + 1];
static size_t plain_len, packed_len;
static _Alignas(16) uint8_t work[160 << 20]; /* --ultra -22 and --long want large ones */

static uint32_t seed;
static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)seed * below) >> 32);
}

/* Something like a program: runs, repeats near and far, noise, calls, zeros. */
static void make_plain(size_t len, uint32_t s)
{
    size_t n = 0;

    seed = s;
    while (n < len) {
        size_t run = 1 + rnd(rnd(20) == 0 ? 9000 : 60);
        if (run > len - n)
            run = len - n;
        switch (n ? rnd(6) : 0) {
        case 0:
            for (size_t i = 0; i < run; i++)
                plain[n + i] = (uint8_t)rnd(256);
            break;
        case 1: {
            size_t back = 1 + rnd((uint32_t)(n < 40 ? n : rnd(3) ? 40 : n));
            if (back > n)
                back = n;
            for (size_t i = 0; i < run; i++)
                plain[n + i] = plain[n + i - back];
            break;
        }
        case 2:
            memset(plain + n, 0, run);
            break;
        case 3:
            for (size_t i = 0; i < run; i++)
                plain[n + i] = (uint8_t) "the quick brown fox"[rnd(19)];
            break;
        case 4: /* calls and jumps, also overlapping */
            for (size_t i = 0; i < run; i++)
                plain[n + i] = (uint8_t[]){0xe8, 0xe9, 0, 0xff, 0x12, 1}[rnd(6)];
            break;
        default: /* a call every few bytes to one place: what the x86 filter is for */
            for (size_t i = 0; i + 5 <= run; i += 5) {
                uint32_t to = 0x1234 - (uint32_t)(n + i);
                plain[n + i] = 0xe8;
                memcpy(plain + n + i + 1, &to, 4);
            }
        }
        n += run;
    }
    plain_len = len;
}

/* Runs the plain data through a host command. False: no such command here. */
static bool pack(const char *command)
{
    char line[200];
    FILE *f = fopen("/tmp/argon_unpack_test.plain", "wb");

    if (!f || fwrite(plain, 1, plain_len, f) != plain_len || fclose(f) != 0)
        return false;
    snprintf(line, sizeof(line), "%s < /tmp/argon_unpack_test.plain", command);
    f = popen(line, "r");
    packed_len = fread(packed, 1, sizeof(packed), f);
    return pclose(f) == 0 && packed_len > 0;
}

static const char *why;

static int unpack(const uint8_t *in, size_t in_len, size_t cap, size_t *len)
{
    struct unpack u = {in, in_len, out, cap, work, sizeof(work)};
    struct image image;
    int rc = image_find(in, in_len, &image, &why);

    *len = 0;
    return rc ? rc : image_unpack(&image, &u, len, &why);
}

static void round_trip(const char *command)
{
    size_t len;

    if (!pack(command)) {
        CHECK(!"the host can pack");
        printf("  %s\n", command);
        return;
    }
    why = "";
    memset(out, 0x55, sizeof(out));
    bool ok = CHECK_EQ(unpack(packed, packed_len, plain_len, &len), 0) &&
              CHECK_EQ(len, plain_len) && CHECK(memcmp(out, plain, len) == 0) &&
              CHECK(out[plain_len] == 0x55);
    ok = ok && CHECK_EQ(unpack(packed, packed_len, PLAIN_MAX, &len), 0) && CHECK_EQ(len, plain_len);
    if (plain_len)
        ok = CHECK_EQ(unpack(packed, packed_len, plain_len - 1, &len), -XEN_ENOSPC) && ok;
    if (!ok)
        printf("  %s, %zu bytes: %s\n", command, plain_len, why);
}

/* Copies are exactly as long as the data, so that ASan sees the first byte beyond. */
static void damage(const char *command, unsigned rounds)
{
    if (!pack(command))
        return;
    for (unsigned i = 0; i < rounds; i++) {
        size_t keep = i % 4 == 0 ? rnd((uint32_t)packed_len) : packed_len, len;
        uint8_t *bytes = malloc(keep ? keep : 1), *to = malloc(plain_len);
        struct unpack u = {bytes, keep, to, plain_len, work, sizeof(work)};

        memcpy(bytes, packed, keep);
        for (unsigned n = 1 + rnd(3); i % 4 != 0 && n > 0; n--)
            bytes[rnd(rnd(3)      ? (uint32_t)keep
                      : keep < 64 ? (uint32_t)keep
                                  : 64)] ^= (uint8_t)(1 + rnd(255));
        struct image image;
        if (image_find(bytes, keep, &image, &why) == 0 && image.form != IMAGE_ELF) {
            int rc = image_unpack(&image, &u, &len, &why);
            CHECK(rc == 0 ? len <= plain_len
                          : rc == -XEN_EINVAL || rc == -XEN_ENOSPC || rc == -XEN_EOPNOTSUPP);
            if (i % 4 == 0 && keep + 200 < packed_len)
                CHECK(rc != 0);
        }
        free(bytes);
        free(to);
    }
}

static const char *const commands[] = {
    "gzip -1nc",
    "gzip -6nc",
    "gzip -9c",
    "zstd -q -1",
    "zstd -q -3 --check",
    "zstd -q -9 --no-check",
    "zstd -q -19",
    "zstd -q --ultra -22",
    "zstd -q --fast=5",
    "zstd -q -19 --long=27 --no-content-size",
    "xz -0 -C crc32",
    "xz -6 -C crc64",
    "xz -9 -C none",
    "xz -C sha256 --x86 --lzma2=dict=1MiB",
    "xz -C crc32 --x86 --lzma2=lc=0,lp=4,pb=0,dict=4KiB",
    "xz --lzma2=lc=4,lp=0,pb=4",
    "xz --x86 --lzma2=lc=3,lp=1,pb=1,nice=8,mode=fast",
    "xz -T2 --block-size=200KiB --x86 --lzma2",
};

/* A bzImage around the packed data, as the kernel's build makes it. */
static void test_bzimage(void)
{
    static uint8_t boot[sizeof(packed) + 8192];
    size_t at = 5 * 512 + 0x30, len;

    make_plain(300000, 77);
    CHECK(pack("xz -C crc32 --x86 --lzma2=dict=1MiB"));
    memset(boot, 0, at);
    boot[0x1f1] = 4;
    memcpy(boot + 0x1fe, "\x55\xaa", 2);
    memcpy(boot + 0x202, "HdrS", 4);
    memcpy(boot + 0x206, &(uint16_t){0x20f}, 2);
    memcpy(boot + 0x248, &(uint32_t){0x30}, 4);
    memcpy(boot + 0x24c, &(uint32_t){(uint32_t)packed_len + 4}, 4);
    memcpy(boot + at, packed, packed_len);
    memcpy(boot + at + packed_len, &(uint32_t){(uint32_t)plain_len}, 4);
    size_t boot_len = at + packed_len + 4 + 100;

    struct image image;
    CHECK_EQ(image_find(boot, boot_len, &image, &why), 0);
    CHECK_EQ(image.form, IMAGE_XZ);
    CHECK_EQ(image.unpacked_len, plain_len);
    CHECK_EQ(unpack(boot, boot_len, PLAIN_MAX, &len), 0);
    CHECK(len == plain_len && memcmp(out, plain, len) == 0);
    boot[0x1f1] = 0; /* an old way to say 4 */
    CHECK_EQ(unpack(boot, boot_len, PLAIN_MAX, &len), 0);
    CHECK_EQ(image_find(boot, at + packed_len + 3, &image, &why), -XEN_EINVAL);
    memcpy(boot + 0x248, &(uint32_t){0xffffffff}, 4);
    CHECK_EQ(image_find(boot, boot_len, &image, &why), -XEN_EINVAL);
    boot[0x207] = 1;
    CHECK_EQ(image_find(boot, boot_len, &image, &why), -XEN_EOPNOTSUPP);
    CHECK_EQ(image_find("BZh9", 4, &image, &why), -XEN_EOPNOTSUPP);
    CHECK_EQ(image_find("\177ELF", 4, &image, &why), 0);
    CHECK_EQ(image_find("hello", 5, &image, &why), -XEN_ENOEXEC);
    CHECK_EQ(image_find("", 0, &image, &why), -XEN_ENOEXEC);
}

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(80 << 20);

    *len = f ? fread(bytes, 1, 80 << 20, f) : 0;
    if (f)
        fclose(f);
    return bytes;
}

/* Debian's kernel, if the build has fetched it: the same as the host's xz makes of it. */
static void test_real(void)
{
    size_t boot_len, want_len, len;
    uint8_t *boot = read_file("build/deb/vmlinuz", &boot_len);
    uint8_t *want = read_file("build/deb/vmlinux", &want_len);
    struct image image;

    if (boot_len && want_len && CHECK_EQ(image_find(boot, boot_len, &image, &why), 0)) {
        CHECK_EQ(image.unpacked_len, want_len);
        uint8_t *to = malloc(image.unpacked_len);
        struct unpack u = {.out = to, .out_cap = image.unpacked_len, .work = work};
        CHECK_EQ(image_unpack(&image, &u, &len, &why), -XEN_ENOMEM);
        u.work_len = sizeof(work);
        CHECK_EQ(image_unpack(&image, &u, &len, &why), 0);
        CHECK(len == want_len && memcmp(to, want, len) == 0);
        free(to);
    }
    free(boot);
    free(want);
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 5, 1000, 70000, PLAIN_MAX};

    for (unsigned c = 0; c < ARRAY_SIZE(commands); c++) {
        /* zstd clears a gigabyte of tables first for its largest windows. */
        bool slow = strstr(commands[c], "--ultra") || strstr(commands[c], "--long");

        for (unsigned s = slow ? ARRAY_SIZE(sizes) - 1 : 0; s < ARRAY_SIZE(sizes); s++) {
            make_plain(sizes[s], 1000 * c + s + 1);
            round_trip(commands[c]);
        }
        make_plain(20000, c + 5);
        damage(commands[c], 300);
    }
    test_bzimage();
    test_real();
    remove("/tmp/argon_unpack_test.plain");
    return check_result();
}
