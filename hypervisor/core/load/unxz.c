/* The .xz container (xz-file-format.txt 1.0.4): stream header, blocks of LZMA2, optionally behind
 * the x86 filter, index, footer. Only the first stream is read. Of the index only its place is
 * used; the CRC of every header is checked, that of the data on request if it is CRC-32. */
#include "core/load/lzma.h"
#include "core/load/why.h"

enum {
    STREAM_HEADER = 12,
    CHECK_CRC32 = 1,
    FILTER_X86 = 0x04,
    FILTER_LZMA2 = 0x21,
    BLOCK_HAS_PACKED = 0x40,
    BLOCK_HAS_UNPACKED = 0x80,
    BLOCK_RESERVED = 0x3c,
};

#define DAMAGED "xz: the data is damaged"

/* Undoes the x86 filter, which has turned the relative operand of each CALL and JMP (E8, E9) into
 * an absolute one where its top byte was 00 or FF.
 *
 * What looks like an opcode may be part of an operand. So the filter keeps in mind which of the
 * last three bytes looked like an opcode but were left alone (bit d-1 of `left`: the one d bytes
 * back). With two or more of them, or one whose own top byte is 00 or FF, it leaves this one
 * too. */
static bool sign_byte(uint32_t b)
{
    b &= 0xff;
    return b == 0 || b == 0xff;
}

static uint32_t absolute_to_relative(uint32_t value, uint32_t next_ip, unsigned back)
{
    uint32_t to = value - next_ip;

    /* Overlapping one left alone: the filter also kept that one's top byte from being 00 or FF. */
    while (back != 0 && sign_byte(to >> (24 - 8 * back)))
        to = (to ^ (((uint32_t)1 << (32 - 8 * back)) - 1)) - next_ip;
    to &= 0x1ffffff;
    return to & 0x1000000 ? to | 0xff000000 : to;
}

/* Offset of the first E8 or E9 at or after i, or a number beyond `end`. */
static size_t next_opcode(const uint8_t *p, size_t i, size_t end)
{
    const uint64_t ones = 0x0101010101010101, top = ones << 7;

    /* Such bytes become FF, and only FF has its top bit set but no longer after adding 1. */
    for (; i + 8 <= end; i += 8) {
        uint64_t w = (load_le64(p + i) | ones) ^ (ones * 0x16);
        uint64_t found = ~(w + ones) & w & top;
        if (unlikely(found != 0))
            return i + lowest_bit(found) / 8;
    }
    while (i < end && (p[i] & 0xfe) != 0xe8)
        i++;
    return i;
}

static void undo_x86_filter(uint8_t *p, size_t len)
{
    static const uint8_t only_bit[8] = {0, 1, 2, 0, 3, 0, 0, 0};
    size_t end = len < 5 ? 0 : len - 4, last = 0;
    uint32_t left = 0;

    for (size_t i = next_opcode(p, 0, end); i < end; i = next_opcode(p, i, end)) {
        size_t back = i - last;
        left = back > 3 ? 0 : left << back >> 1 & 7; /* bit 0 of the old is now `back` bytes back */
        last = i;

        unsigned d = only_bit[left];
        bool leave = left != 0 && (d == 0 || sign_byte(p[i + 4 - d]));
        if (leave || !sign_byte(p[i + 4])) {
            left = left << 1 | 1;
            i++;
            continue;
        }
        uint32_t to = absolute_to_relative(load_le32(p + i + 1), (uint32_t)(i + 5), d);
        __builtin_memcpy(p + i + 1, &to, 4);
        i += 5;
    }
}

/* A number in groups of 7 bits, lowest first. False: it is cut short or not in its shortest
 * form. */
static bool take_number(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        if (*p == end)
            return false;
        uint8_t b = *(*p)++;
        *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return b != 0 || shift == 0;
    }
    return false;
}

struct block {
    bool x86;
    uint64_t packed, unpacked; /* ~0: not said */
};

static int parse_filters(const uint8_t *p, const uint8_t *end, unsigned n, struct block *b,
                         const char **why)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t id, size;
        if (!take_number(&p, end, &id) || !take_number(&p, end, &size) ||
            size > (uint64_t)(end - p))
            return bad(-XEN_EINVAL, DAMAGED, why);
        bool last = i == n - 1;
        if (!last && i == 0 && id == FILTER_X86 && size == 0)
            b->x86 = true;
        else if (!(last && id == FILTER_LZMA2 && size == 1))
            return bad(-XEN_EOPNOTSUPP, "xz: packed with a filter other than x86 and LZMA2", why);
        p += size;
    }
    for (; p < end; p++) {
        if (*p != 0)
            return bad(-XEN_EINVAL, DAMAGED, why);
    }
    return 0;
}

/* Moves *pos behind the block header. */
static int parse_block_header(const struct unpack *u, size_t *pos, struct block *b,
                              const char **why)
{
    const uint8_t *h = u->in + *pos;
    size_t size = ((size_t)*h + 1) * 4;

    *b = (struct block){.packed = ~0ull, .unpacked = ~0ull};
    if (size > u->in_len - *pos || load_le32(h + size - 4) != unpack_crc32(0, h, size - 4) ||
        (h[1] & BLOCK_RESERVED))
        return bad(-XEN_EINVAL, DAMAGED, why);
    const uint8_t *p = h + 2, *end = h + size - 4;
    if (((h[1] & BLOCK_HAS_PACKED) && !take_number(&p, end, &b->packed)) ||
        ((h[1] & BLOCK_HAS_UNPACKED) && !take_number(&p, end, &b->unpacked)))
        return bad(-XEN_EINVAL, DAMAGED, why);
    *pos += size;
    return parse_filters(p, end, (h[1] & 3u) + 1, b, why);
}

static int unpack_block(const struct unpack *u, unsigned check, size_t *pos, size_t *out_pos,
                        const char **why)
{
    static const uint8_t check_sizes[6] = {0, 4, 8, 16, 32, 64};
    size_t check_size = check_sizes[(check + 2) / 3], out_start = *out_pos;
    struct block b;
    int rc = parse_block_header(u, pos, &b, why);
    if (rc)
        return rc;

    size_t start = *pos;
    rc = lzma2_decode(u, pos, out_pos, why);
    if (rc)
        return rc;
    size_t len = *out_pos - out_start;
    if ((b.packed != ~0ull && b.packed != *pos - start) ||
        (b.unpacked != ~0ull && b.unpacked != len))
        return bad(-XEN_EINVAL, DAMAGED, why);
    if (b.x86)
        undo_x86_filter(u->out + out_start, len);

    *pos = align_up(*pos, 4); /* blocks start at multiples of 4 within the stream */
    if (*pos > u->in_len || check_size > u->in_len - *pos)
        return bad(-XEN_EINVAL, "xz: the data is cut short", why);
    if (u->verify && check == CHECK_CRC32 &&
        load_le32(u->in + *pos) != unpack_crc32(0, u->out + out_start, len))
        return bad(-XEN_EINVAL, "xz: the data's checksum is wrong", why);
    *pos += check_size;
    return 0;
}

int unpack_xz(const struct unpack *u, size_t *out_len, const char **why)
{
    static const uint8_t magic[7] = {0xfd, '7', 'z', 'X', 'Z', 0, 0};
    const uint8_t *h = u->in;
    size_t pos = STREAM_HEADER, out_pos = 0;

    if (u->in_len < STREAM_HEADER || __builtin_memcmp(h, magic, sizeof(magic)) != 0 ||
        (h[7] & 0xf0) || load_le32(h + 8) != unpack_crc32(0, h + 6, 2))
        return bad(-XEN_EINVAL, DAMAGED, why);
    while (pos < u->in_len && u->in[pos] != 0) {
        int rc = unpack_block(u, h[7], &pos, &out_pos, why);
        if (rc)
            return rc;
    }
    if (pos >= u->in_len)
        return bad(-XEN_EINVAL, "xz: the data is cut short", why);
    *out_len = out_pos;
    return 0;
}
