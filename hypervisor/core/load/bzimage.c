/* Finds a kernel in a boot image and hands it to the right unpacker. The numbers of the bzImage
 * header are those of Linux' boot protocol (Documentation/x86/boot.rst), 2.08 and newer. */
#include "core/load/bzimage.h"
#include "core/load/why.h"

enum {
    SETUP_SECTS = 0x1f1,
    BOOT_FLAG = 0x1fe,
    HEADER_MAGIC = 0x202,
    VERSION = 0x206,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24c,
    HEADER_END = 0x250,
    SECTOR = 512,
    VERSION_WITH_PAYLOAD = 0x0208,
};

static bool starts(const uint8_t *p, size_t len, const char *magic, size_t n)
{
    return len >= n && __builtin_memcmp(p, magic, n) == 0;
}

static int find_form(struct image *i, const char **why)
{
    static const struct {
        char magic[6];
        uint8_t len, form;
    } known[] = {
        {"\177ELF", 4, IMAGE_ELF},
        {"\037\213\010", 3, IMAGE_GZIP},
        {"\3757zXZ\0", 6, IMAGE_XZ},
        {"\050\265\057\375", 4, IMAGE_ZSTD},
    };
    static const struct {
        char magic[6];
        uint8_t len;
    } refused[] = {{"BZh", 3}, {"\135\0\0", 3}, {"\211LZO", 4}, {"\002!L\030", 4}};

    for (unsigned k = 0; k < ARRAY_SIZE(known); k++) {
        if (starts(i->data, i->len, known[k].magic, known[k].len)) {
            i->form = (enum image_form)known[k].form;
            return 0;
        }
    }
    for (unsigned k = 0; k < ARRAY_SIZE(refused); k++) {
        if (starts(i->data, i->len, refused[k].magic, refused[k].len))
            return bad(-XEN_EOPNOTSUPP, "packed with neither gzip, xz nor zstd", why);
    }
    return bad(-XEN_ENOEXEC, "not an ELF or bzImage file", why);
}

static int find_payload(const uint8_t *b, size_t len, struct image *i, const char **why)
{
    uint64_t sectors = b[SETUP_SECTS] ? b[SETUP_SECTS] : 4; /* 0 means 4, for history */
    uint64_t start = (sectors + 1) * SECTOR + load_le32(b + PAYLOAD_OFFSET);
    uint64_t size = load_le32(b + PAYLOAD_LENGTH);

    if (load_le16(b + VERSION) < VERSION_WITH_PAYLOAD)
        return bad(-XEN_EOPNOTSUPP, "a bzImage from before 2008: no payload in its header", why);
    if (start > len || size > len - start || size < 4)
        return bad(-XEN_EINVAL, "the bzImage's payload lies outside the file", why);
    i->data = b + start;
    i->len = size;
    int rc = find_form(i, why);
    if (rc)
        return rc;
    /* The build appends the unpacked size; of gzip it is the format's own last word. */
    if (i->form != IMAGE_ELF) {
        i->unpacked_len = load_le32(i->data + i->len - 4);
        if (i->form != IMAGE_GZIP)
            i->len -= 4;
    }
    return 0;
}

int image_find(const void *boot, size_t len, struct image *i, const char **why)
{
    const uint8_t *b = boot;

    *i = (struct image){.data = b, .len = len};
    if (len >= HEADER_END && starts(b + HEADER_MAGIC, 4, "HdrS", 4) &&
        load_le16(b + BOOT_FLAG) == 0xaa55)
        return find_payload(b, len, i, why);

    int rc = find_form(i, why);
    if (rc)
        return rc;
    if (i->form == IMAGE_GZIP && len >= 18)
        i->unpacked_len = load_le32(b + len - 4);
    return 0;
}

int image_unpack(const struct image *i, const struct unpack *u, size_t *out_len, const char **why)
{
    struct unpack job = *u;

    job.in = i->data;
    job.in_len = i->len;
    switch (i->form) {
        ROW(IMAGE_XZ, unpack_xz(&job, out_len, why));
        ROW(IMAGE_GZIP, unpack_gzip(&job, out_len, why));
        ROW(IMAGE_ZSTD, unpack_zstd(&job, out_len, why));
    default:
        return bad(-XEN_EINVAL, "not packed", why);
    }
}
