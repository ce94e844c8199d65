/* gzip (RFC 1952) and its compression, deflate (RFC 1951). Only the first member is read.
 *
 * Input goes through a 64-bit store of bits. Behind the input's end it takes zeros, which are
 * counted: a stream that needs one of them is cut short. */
#include "core/load/copy.h"
#include "core/load/unpack.h"
#include "core/load/why.h"

enum {
    MAX_BITS = 15,
    FAST_BITS = 10,
    LITERALS = 288,
    DISTANCES = 32,
    LENGTH_CODES = 19,
    END_OF_BLOCK = 256,
    MATCH_MAX = 258,
    HEADER = 10,
    FLAG_HCRC = 2,
    FLAG_EXTRA = 4,
    FLAG_NAME = 8,
    FLAG_COMMENT = 16,
    FLAG_UNKNOWN = 0xe0,
    TRAILER = 8,
};

/* A prefix code. Codes of up to FAST_BITS bits are found in one step, longer ones bit by bit. */
struct code {
    uint16_t fast[1 << FAST_BITS]; /* symbol << 4 | length; 0: longer or unused */
    uint16_t count[MAX_BITS + 1];  /* codes of each length */
    uint16_t symbol[LITERALS];     /* ordered by code */
};

struct inflate {
    struct code literal, distance;
    uint8_t lengths[LITERALS + DISTANCES];
    uint64_t bits; /* the next ones, lowest first */
    unsigned nbits;
    unsigned made_up; /* bytes taken from behind the end */
    const uint8_t *in, *in_end;
    uint8_t *start, *out, *out_end;
};
_Static_assert(sizeof(struct inflate) <= UNPACK_SCRATCH, "scratch");

#define DAMAGED "gzip: the data is damaged"
#define CUT     "gzip: the data is cut short"
#define TOO_BIG "gzip: unpacked, it is larger than expected"

/* Afterwards there are at least 56 bits. */
static void refill(struct inflate *s)
{
    if (likely(s->in_end - s->in >= 8)) {
        s->bits |= load_le64(s->in) << s->nbits;
        s->in += (63 - s->nbits) >> 3;
        s->nbits |= 56;
        return;
    }
    while (s->nbits < 56) {
        if (s->in < s->in_end)
            s->bits |= (uint64_t)*s->in++ << s->nbits;
        else
            s->made_up++;
        s->nbits += 8;
    }
}

/* Needs: that many bits in store. */
static uint32_t take(struct inflate *s, unsigned n)
{
    uint32_t v = (uint32_t)(s->bits & (((uint64_t)1 << n) - 1));

    s->bits >>= n;
    s->nbits -= n;
    return v;
}

static bool overdrawn(const struct inflate *s)
{
    return s->made_up * 8 > s->nbits;
}

/* False unless the lengths make a complete code, or one with a single symbol, or with none. */
static bool make_code(struct code *c, const uint8_t *lengths, unsigned n)
{
    uint16_t offset[MAX_BITS + 2] = {0};
    unsigned room = 1, used = 0, code = 0;

    *c = (struct code){0};
    for (unsigned i = 0; i < n; i++)
        c->count[lengths[i]]++;
    used = n - c->count[0];
    c->count[0] = 0;
    for (unsigned len = 1; len <= MAX_BITS; len++) {
        room = room * 2;
        if (c->count[len] > room)
            return false;
        room -= c->count[len];
        offset[len + 1] = (uint16_t)(offset[len] + c->count[len]);
    }
    if (room != 0 && used > 1)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (lengths[i])
            c->symbol[offset[lengths[i]]++] = (uint16_t)i;
    }
    for (unsigned len = 1, at = 0; len <= FAST_BITS; len++, code <<= 1) {
        for (unsigned i = 0; i < c->count[len]; i++, code++, at++) {
            unsigned reversed = 0;
            for (unsigned b = 0; b < len; b++)
                reversed |= (code >> b & 1) << (len - 1 - b);
            for (unsigned x = reversed; x < 1u << FAST_BITS; x += 1u << len)
                c->fast[x] = (uint16_t)((unsigned)c->symbol[at] << 4 | len);
        }
    }
    return true;
}

/* Needs MAX_BITS bits in store. Returns the symbol, or LITERALS if there is no such code. */
static unsigned decode(struct inflate *s, const struct code *c)
{
    unsigned entry = c->fast[s->bits & ((1u << FAST_BITS) - 1)];

    if (likely(entry != 0)) {
        (void)take(s, entry & 15);
        return entry >> 4;
    }
    unsigned code = 0, first = 0, index = 0;
    for (unsigned len = 1; len <= MAX_BITS; len++) {
        code |= take(s, 1);
        if (code - first < c->count[len])
            return c->symbol[index + code - first];
        index += c->count[len];
        first = (first + c->count[len]) << 1;
        code <<= 1;
    }
    return LITERALS;
}

static bool fixed_codes(struct inflate *s)
{
    for (unsigned i = 0; i < LITERALS; i++)
        s->lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    if (!make_code(&s->literal, s->lengths, LITERALS))
        return false;
    for (unsigned i = 0; i < DISTANCES; i++)
        s->lengths[i] = 5;
    return make_code(&s->distance, s->lengths, DISTANCES);
}

static bool read_codes(struct inflate *s)
{
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    refill(s);
    unsigned nlit = take(s, 5) + 257, ndist = take(s, 5) + 1, ncode = take(s, 4) + 4, n = 0;
    uint8_t prev = 0;

    if (nlit > 286 || ndist > 30)
        return false;
    __builtin_memset(s->lengths, 0, LENGTH_CODES);
    for (unsigned i = 0; i < ncode; i++) {
        refill(s);
        s->lengths[order[i]] = (uint8_t)take(s, 3);
    }
    if (!make_code(&s->literal, s->lengths, LENGTH_CODES))
        return false;
    while (n < nlit + ndist) {
        refill(s);
        unsigned sym = decode(s, &s->literal), times = 1;
        if (sym >= LENGTH_CODES || (sym == 16 && n == 0) || overdrawn(s))
            return false;
        if (sym < 16)
            prev = (uint8_t)sym;
        else if (sym == 16)
            times = 3 + take(s, 2);
        else
            times = sym == 17 ? 3 + take(s, 3) : 11 + take(s, 7);
        if (sym > 16)
            prev = 0;
        if (times > nlit + ndist - n)
            return false;
        while (times--)
            s->lengths[n++] = prev;
    }
    return s->lengths[END_OF_BLOCK] != 0 && make_code(&s->literal, s->lengths, nlit) &&
           make_code(&s->distance, s->lengths + nlit, ndist);
}

static int copy_from_code(struct inflate *s, unsigned sym, const char **why)
{
    static const uint16_t length_base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                             15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                             67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                            2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    unsigned l = sym - END_OF_BLOCK - 1;
    if (l >= 29)
        return bad(-XEN_EINVAL, DAMAGED, why);
    unsigned len = length_base[l] + take(s, length_bits[l]);
    refill(s);
    unsigned d = decode(s, &s->distance);
    if (d >= 30)
        return bad(-XEN_EINVAL, DAMAGED, why);
    /* Two distances for each number of extra bits, from the third pair on. */
    unsigned extra = d < 4 ? 0 : d / 2 - 1;
    size_t dist = (d < 4 ? d : (2 + (d & 1)) << extra) + take(s, extra) + 1;

    if (dist > (size_t)(s->out - s->start))
        return bad(-XEN_EINVAL, DAMAGED, why);
    if (len > (size_t)(s->out_end - s->out))
        return bad(-XEN_ENOSPC, TOO_BIG, why);
    if ((size_t)(s->out_end - s->out) >= MATCH_MAX + COPY_OVERRUN)
        s->out = copy_match(s->out, dist, len);
    else
        s->out = copy_carefully(s->out, dist, len);
    return 0;
}

static int packed_block(struct inflate *s, const char **why)
{
    for (;;) {
        refill(s);
        unsigned sym = decode(s, &s->literal);
        if (likely(sym < END_OF_BLOCK)) {
            if (s->out == s->out_end)
                return bad(-XEN_ENOSPC, TOO_BIG, why);
            *s->out++ = (uint8_t)sym;
        } else {
            if (overdrawn(s))
                return bad(-XEN_EINVAL, CUT, why);
            if (sym == END_OF_BLOCK)
                return 0;
            int rc = copy_from_code(s, sym, why);
            if (rc)
                return rc;
        }
    }
}

/* Gives whole bytes in store back to the input. */
static void to_byte(struct inflate *s)
{
    unsigned keep = s->nbits / 8;

    if (keep < s->made_up) {
        s->made_up -= keep; /* overdrawn: stays so */
    } else {
        s->in -= keep - s->made_up;
        s->made_up = 0;
    }
    s->bits = 0;
    s->nbits = 0;
}

static int stored_block(struct inflate *s, const char **why)
{
    to_byte(s);
    if (s->made_up || s->in_end - s->in < 4)
        return bad(-XEN_EINVAL, CUT, why);
    size_t len = load_le16(s->in);
    if ((len ^ load_le16(s->in + 2)) != 0xffff)
        return bad(-XEN_EINVAL, DAMAGED, why);
    s->in += 4;
    if (len > (size_t)(s->in_end - s->in))
        return bad(-XEN_EINVAL, CUT, why);
    if (len > (size_t)(s->out_end - s->out))
        return bad(-XEN_ENOSPC, TOO_BIG, why);
    __builtin_memcpy(s->out, s->in, len);
    s->in += len;
    s->out += len;
    return 0;
}

static int inflate(struct inflate *s, const char **why)
{
    bool last;

    do {
        refill(s);
        last = take(s, 1);
        unsigned type = take(s, 2);
        int rc;
        if (type == 0)
            rc = stored_block(s, why);
        else if (type == 3 || !(type == 1 ? fixed_codes(s) : read_codes(s)))
            rc = bad(-XEN_EINVAL, DAMAGED, why);
        else
            rc = packed_block(s, why);
        if (rc)
            return rc;
    } while (!last);
    to_byte(s);
    return s->made_up ? bad(-XEN_EINVAL, CUT, why) : 0;
}

/* The length of the gzip header, or 0 if it is none or is cut short. */
static size_t header_size(const uint8_t *h, size_t len)
{
    size_t at = HEADER;

    if (len < HEADER + TRAILER || h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 ||
        (h[3] & FLAG_UNKNOWN))
        return 0;
    if (h[3] & FLAG_EXTRA)
        at += 2 + (size_t)load_le16(h + at);
    for (unsigned flag = FLAG_NAME; flag <= FLAG_COMMENT; flag <<= 1) {
        if (!(h[3] & flag))
            continue;
        while (at < len && h[at] != 0)
            at++;
        at++;
    }
    if (h[3] & FLAG_HCRC)
        at += 2;
    return at < len ? at : 0;
}

int unpack_gzip(const struct unpack *u, size_t *out_len, const char **why)
{
    struct inflate *s = u->scratch;
    size_t header = header_size(u->in, u->in_len);

    if (header == 0)
        return bad(-XEN_EINVAL, DAMAGED, why);
    s->bits = s->nbits = s->made_up = 0;
    s->in = u->in + header;
    s->in_end = u->in + u->in_len;
    s->start = s->out = u->out;
    s->out_end = u->out + u->out_cap;
    int rc = inflate(s, why);
    if (rc)
        return rc;

    size_t len = (size_t)(s->out - u->out);
    if (s->in_end - s->in < TRAILER)
        return bad(-XEN_EINVAL, CUT, why);
    if (load_le32(s->in + 4) != (uint32_t)len ||
        (u->verify && load_le32(s->in) != unpack_crc32(0, u->out, len)))
        return bad(-XEN_EINVAL, "gzip: the data's checksum is wrong", why);
    *out_len = len;
    return 0;
}
