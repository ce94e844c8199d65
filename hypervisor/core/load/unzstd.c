/* zstd (RFC 8878): frames, blocks, literals, sequences. The first frame that is not to be skipped
 * is read; it may not need a dictionary. */
#include "core/load/copy.h"
#include "core/load/entropy.h"
#include "core/load/unpack.h"
#include "core/load/why.h"

enum {
    BLOCK_MAX = 128 << 10,
    LITERAL_SLACK = 32,
    BLOCK_RAW = 0,
    BLOCK_RLE = 1,
    BLOCK_PACKED = 2,
    LITERALS_RAW = 0,
    LITERALS_RLE = 1,
    LITERALS_PACKED = 2,
    LITERALS_SAME_TREE = 3,
    MODE_DEFAULT = 0,
    MODE_RLE = 1,
    MODE_FSE = 2,
    FRAME_SINGLE = 0x20,
    FRAME_RESERVED = 0x08,
    FRAME_CHECKSUM = 0x04,
};
#define MAGIC      0xfd2fb528u
#define MAGIC_SKIP 0x184d2a50u

/* Literal lengths, offsets and match lengths: a code gives a base and a number of bits to add. */
enum kind { LITERAL_LENGTH, OFFSET, MATCH_LENGTH, KINDS };
enum { LITERAL_CODES = 36, OFFSET_CODES = 32, MATCH_CODES = 53 };

static const uint32_t literal_base[LITERAL_CODES] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,   9,   10,  11,   12,   13,   14,   15,    16,    18,
    20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
static const uint8_t literal_bits[LITERAL_CODES] = {0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0,
                                                    0, 0, 0, 0, 1, 1,  1,  1,  2,  2,  3,  3,
                                                    4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint32_t match_base[MATCH_CODES] = {
    3,  4,  5,  6,  7,  8,  9,  10,  11,  12,  13,   14,   15,   16,   17,    18,    19,   20,
    21, 22, 23, 24, 25, 26, 27, 28,  29,  30,  31,   32,   33,   34,   35,    37,    39,   41,
    43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539};
static const uint8_t match_bits[MATCH_CODES] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0, 0,
    0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static const int16_t literal_counts[LITERAL_CODES] = {4, 3, 2, 2, 2, 2, 2, 2, 2,  2,  2,  2,
                                                      2, 1, 1, 1, 2, 2, 2, 2, 2,  2,  2,  2,
                                                      2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
static const int16_t offset_counts[29] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                          1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
static const int16_t match_counts[MATCH_CODES] = {
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};

static const struct {
    const int16_t *counts;
    uint8_t symbols, log;         /* of the default code */
    uint8_t symbols_max, log_max; /* of one that is described */
} kinds[KINDS] = {
    [LITERAL_LENGTH] = {literal_counts, LITERAL_CODES, 6, LITERAL_CODES, 9},
    [OFFSET] = {offset_counts, 29, 5, OFFSET_CODES, 8},
    [MATCH_LENGTH] = {match_counts, MATCH_CODES, 6, MATCH_CODES, 9},
};

struct zstd {
    struct fse code[KINDS], work;
    bool have_code[KINDS];
    struct huffman huffman;
    size_t repeat[3];
    const uint8_t *literals;
    size_t nliterals;
    uint8_t *start, *out, *out_end;
    uint8_t literal_buffer[BLOCK_MAX + LITERAL_SLACK];
};
_Static_assert(sizeof(struct zstd) <= UNPACK_SCRATCH, "scratch");

#define DAMAGED "zstd: the data is damaged"
#define CUT     "zstd: the data is cut short"
#define TOO_BIG "zstd: unpacked, it is larger than expected"

static bool unpack_literals(struct zstd *z, const uint8_t *in, size_t len, bool four)
{
    uint8_t *to = z->literal_buffer;
    size_t each = (z->nliterals + 3) / 4;

    if (!four)
        return huffman_decode(&z->huffman, in, len, to, z->nliterals);
    if (len < 6 || each * 3 > z->nliterals)
        return false;
    size_t left = len - 6;
    const uint8_t *at = in + 6;
    for (unsigned i = 0; i < 3; i++) {
        size_t size = load_le16(in + 2 * i);
        if (size > left || !huffman_decode(&z->huffman, at, size, to, each))
            return false;
        at += size;
        left -= size;
        to += each;
    }
    return huffman_decode(&z->huffman, at, left, to, z->nliterals - 3 * each);
}

/* Returns the size of the literals section, 0 if it is damaged. */
static size_t read_literals(struct zstd *z, const uint8_t *in, size_t len)
{
    static const uint8_t plain_header[4] = {1, 2, 1, 3}, plain_bits[4] = {5, 12, 5, 20};
    static const uint8_t packed_header[4] = {3, 3, 4, 5}, packed_bits[4] = {10, 10, 14, 18};
    unsigned type = in[0] & 3, form = in[0] >> 2 & 3;
    uint8_t raw[8] = {0};

    __builtin_memcpy(raw, in, min_u64(len, 5));
    uint64_t header = load_le64(raw);
    if (type <= LITERALS_RLE) {
        size_t head = plain_header[form];
        z->nliterals = header >> (form & 1 ? 4 : 3) & ((1u << plain_bits[form]) - 1);
        size_t size = head + (type == LITERALS_RLE ? 1 : z->nliterals);
        if (size > len || z->nliterals > BLOCK_MAX)
            return 0;
        z->literals = in + head;
        if (type == LITERALS_RLE) {
            __builtin_memset(z->literal_buffer, in[head], z->nliterals);
            z->literals = z->literal_buffer;
        }
        return size;
    }
    size_t head = packed_header[form];
    uint64_t mask = (1u << packed_bits[form]) - 1;
    size_t packed = header >> (4 + packed_bits[form]) & mask, tree = 0;

    z->nliterals = header >> 4 & mask;
    z->literals = z->literal_buffer;
    if (head > len || packed > len - head || z->nliterals > BLOCK_MAX)
        return 0;
    if (type == LITERALS_PACKED) {
        tree = huffman_read(&z->huffman, &z->work, in + head, packed);
        if (tree == 0)
            return 0;
    }
    if (z->huffman.bits == 0 || !unpack_literals(z, in + head + tree, packed - tree, form != 0))
        return 0;
    return head + packed;
}

/* Returns false if the code's description is damaged. */
static bool read_code(struct zstd *z, enum kind k, unsigned mode, const uint8_t **in,
                      const uint8_t *end)
{
    struct fse *f = &z->code[k];
    size_t used = 0;

    if (mode == MODE_DEFAULT) {
        z->have_code[k] = fse_make(f, kinds[k].counts, kinds[k].symbols, kinds[k].log);
    } else if (mode == MODE_RLE) {
        z->have_code[k] = *in < end && **in < kinds[k].symbols_max;
        if (z->have_code[k])
            fse_single(f, *(*in)++);
    } else if (mode == MODE_FSE) {
        used = fse_read(f, *in, (size_t)(end - *in), kinds[k].symbols_max, kinds[k].log_max);
        z->have_code[k] = used != 0;
        *in += used;
    }
    return z->have_code[k];
}

/* The three last offsets have short names; which they are depends on whether literals go before. */
static size_t resolve_offset(struct zstd *z, uint64_t value, bool no_literals)
{
    size_t *r = z->repeat, offset;

    if (value > 3) {
        offset = value - 3;
    } else {
        unsigned which = (unsigned)value - 1 + no_literals;
        if (which == 0)
            return r[0];
        offset = which == 3 ? r[0] - 1 : r[which];
        if (which == 1) {
            r[1] = r[0];
            r[0] = offset;
            return offset;
        }
    }
    r[2] = r[1];
    r[1] = r[0];
    r[0] = offset;
    return offset;
}

static int put_sequence(struct zstd *z, size_t literals, size_t match, size_t offset,
                        const char **why)
{
    size_t room = (size_t)(z->out_end - z->out);

    if (literals > z->nliterals)
        return bad(-XEN_EINVAL, DAMAGED, why);
    if (literals > room || match > room - literals)
        return bad(-XEN_ENOSPC, TOO_BIG, why);
    __builtin_memcpy(z->out, z->literals, literals);
    z->literals += literals;
    z->nliterals -= literals;
    z->out += literals;
    room -= literals;
    if (offset == 0 || offset > (size_t)(z->out - z->start))
        return bad(-XEN_EINVAL, DAMAGED, why);
    if (room - match >= COPY_OVERRUN)
        z->out = copy_match(z->out, offset, match);
    else
        z->out = copy_carefully(z->out, offset, match);
    return 0;
}

static int run_sequences(struct zstd *z, unsigned n, struct back *b, const char **why)
{
    unsigned state[KINDS];

    back_fetch(b);
    for (unsigned k = 0; k < KINDS; k++)
        state[k] = (unsigned)back_take(b, z->code[k].log);
    while (n--) {
        const struct fse_entry *l = &z->code[LITERAL_LENGTH].entry[state[LITERAL_LENGTH]];
        const struct fse_entry *o = &z->code[OFFSET].entry[state[OFFSET]];
        const struct fse_entry *m = &z->code[MATCH_LENGTH].entry[state[MATCH_LENGTH]];

        /* At most 31 + 16, 16, and 9 + 9 + 8 bits. */
        back_fetch(b);
        uint64_t value = ((uint64_t)1 << o->symbol) + back_take(b, o->symbol);
        size_t match = match_base[m->symbol] + back_take(b, match_bits[m->symbol]);
        back_fetch(b);
        size_t literals = literal_base[l->symbol] + back_take(b, literal_bits[l->symbol]);
        if (n > 0) {
            state[LITERAL_LENGTH] = l->base + (unsigned)back_take(b, l->bits);
            state[MATCH_LENGTH] = m->base + (unsigned)back_take(b, m->bits);
            state[OFFSET] = o->base + (unsigned)back_take(b, o->bits);
        }
        if (b->left < 0)
            return bad(-XEN_EINVAL, DAMAGED, why);
        int rc = put_sequence(z, literals, match, resolve_offset(z, value, literals == 0), why);
        if (rc)
            return rc;
    }
    return b->left == 0 ? 0 : bad(-XEN_EINVAL, DAMAGED, why);
}

static int packed_block(struct zstd *z, const uint8_t *in, size_t len, const char **why)
{
    const uint8_t *end = in + len;
    size_t used = len ? read_literals(z, in, len) : 0;
    struct back b;

    if (used == 0 || used == len)
        return bad(-XEN_EINVAL, DAMAGED, why);
    in += used;
    unsigned n = *in++;
    if (n >= 128) {
        unsigned more = n == 255 ? 2 : 1;
        if (end - in < (int)more)
            return bad(-XEN_EINVAL, DAMAGED, why);
        n = more == 2 ? load_le16(in) + 0x7f00u : (n - 128) << 8 | in[0];
        in += more;
    }
    if (n > 0) {
        unsigned modes = in < end ? *in++ : 3;
        if ((modes & 3) || !read_code(z, LITERAL_LENGTH, modes >> 6, &in, end) ||
            !read_code(z, OFFSET, modes >> 4 & 3, &in, end) ||
            !read_code(z, MATCH_LENGTH, modes >> 2 & 3, &in, end) ||
            !back_open(&b, in, (size_t)(end - in)))
            return bad(-XEN_EINVAL, DAMAGED, why);
        int rc = run_sequences(z, n, &b, why);
        if (rc)
            return rc;
    } else if (in != end) {
        return bad(-XEN_EINVAL, DAMAGED, why);
    }
    if (z->nliterals > (size_t)(z->out_end - z->out))
        return bad(-XEN_ENOSPC, TOO_BIG, why);
    __builtin_memcpy(z->out, z->literals, z->nliterals);
    z->out += z->nliterals;
    return 0;
}

static int plain_block(struct zstd *z, const uint8_t *in, size_t size, bool repeat,
                       const char **why)
{
    if (size > (size_t)(z->out_end - z->out))
        return bad(-XEN_ENOSPC, TOO_BIG, why);
    if (repeat)
        __builtin_memset(z->out, *in, size);
    else
        __builtin_memcpy(z->out, in, size);
    z->out += size;
    return 0;
}

static int run_blocks(struct zstd *z, const uint8_t **in, const uint8_t *end, const char **why)
{
    bool last;

    do {
        if (end - *in < 3)
            return bad(-XEN_EINVAL, CUT, why);
        uint32_t header = load_le16(*in) | (uint32_t)(*in)[2] << 16;
        unsigned type = header >> 1 & 3;
        size_t size = header >> 3, takes = type == BLOCK_RLE ? 1 : size;

        last = header & 1;
        *in += 3;
        if (type > BLOCK_PACKED || size > BLOCK_MAX)
            return bad(-XEN_EINVAL, DAMAGED, why);
        if (takes > (size_t)(end - *in))
            return bad(-XEN_EINVAL, CUT, why);
        int rc = type == BLOCK_PACKED ? packed_block(z, *in, size, why)
                                      : plain_block(z, *in, size, type == BLOCK_RLE, why);
        if (rc)
            return rc;
        *in += takes;
    } while (!last);
    return 0;
}

/* Frames to skip, then the header of one with data; moves *in behind it. */
static int read_frame_header(const uint8_t **in, const uint8_t *end, uint8_t *flags,
                             const char **why)
{
    static const uint8_t dictionary_size[4] = {0, 1, 2, 4}, content_size[4] = {0, 2, 4, 8};

    while (end - *in >= 8 && (load_le32(*in) & ~15u) == MAGIC_SKIP) {
        uint64_t skip = 8 + (uint64_t)load_le32(*in + 4);
        if (skip > (uint64_t)(end - *in))
            return bad(-XEN_EINVAL, CUT, why);
        *in += skip;
    }
    if (end - *in < 5 || load_le32(*in) != MAGIC)
        return bad(-XEN_EINVAL, DAMAGED, why);
    *flags = (*in)[4];
    *in += 5;
    if (*flags & FRAME_RESERVED)
        return bad(-XEN_EINVAL, DAMAGED, why);
    bool single = *flags & FRAME_SINGLE;
    size_t window = single ? 0 : 1, dictionary = dictionary_size[*flags & 3];
    size_t content = content_size[*flags >> 6];
    if (single && content == 0)
        content = 1;
    if ((size_t)(end - *in) < window + dictionary + content)
        return bad(-XEN_EINVAL, CUT, why);
    for (size_t i = 0; i < dictionary; i++) {
        if ((*in)[window + i] != 0)
            return bad(-XEN_EOPNOTSUPP, "zstd: packed with a dictionary", why);
    }
    *in += window + dictionary + content;
    return 0;
}

int unpack_zstd(const struct unpack *u, size_t *out_len, const char **why)
{
    struct zstd *z = u->scratch;
    const uint8_t *in = u->in, *end = u->in + u->in_len;
    uint8_t flags;
    int rc = read_frame_header(&in, end, &flags, why);
    if (rc)
        return rc;

    z->huffman.bits = 0;
    for (unsigned k = 0; k < KINDS; k++)
        z->have_code[k] = false;
    z->repeat[0] = 1;
    z->repeat[1] = 4;
    z->repeat[2] = 8;
    z->start = z->out = u->out;
    z->out_end = u->out + u->out_cap;
    rc = run_blocks(z, &in, end, why);
    if (rc)
        return rc;

    size_t len = (size_t)(z->out - u->out);
    if (flags & FRAME_CHECKSUM) {
        if (end - in < 4)
            return bad(-XEN_EINVAL, CUT, why);
        if (u->verify && load_le32(in) != (uint32_t)unpack_xxh64(u->out, len))
            return bad(-XEN_EINVAL, "zstd: the data's checksum is wrong", why);
    }
    *out_len = len;
    return 0;
}
