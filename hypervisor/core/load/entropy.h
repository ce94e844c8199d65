/* The entropy codes of zstd (RFC 8878, 4): FSE and Huffman, and the bit streams that are read
 * backwards. Private to unzstd.c. Everything returns false, or a size of 0, for bad data. */
#ifndef CORE_LOAD_ENTROPY_H
#define CORE_LOAD_ENTROPY_H

#include "base/bits.h"

enum { FSE_LOG_MAX = 9, FSE_SYMBOLS_MAX = 53, HUFFMAN_BITS_MAX = 11, HUFFMAN_SYMBOLS_MAX = 256 };

/* A stream read from its last bit towards its first. */
struct back {
    const uint8_t *start;
    int64_t left;  /* bits not taken yet; negative: more were taken than there are, as zeros */
    uint64_t bits; /* the next ones, highest first; back_fetch() makes 57 or more of them valid */
};

/* The last byte holds the stream's end: its highest set bit. */
NODISCARD static inline bool back_open(struct back *b, const uint8_t *start, size_t len)
{
    if (len == 0 || start[len - 1] == 0)
        return false;
    *b = (struct back){start, (int64_t)(len - 1) * 8 + highest_bit(start[len - 1]), 0};
    return true;
}

static inline void back_fetch(struct back *b)
{
    if (likely(b->left >= 64)) {
        size_t end = ((size_t)b->left + 7) / 8;
        b->bits = load_le64(b->start + end - 8) << (end * 8 - (size_t)b->left);
        return;
    }
    b->bits = 0;
    for (int64_t i = 0; i * 8 < b->left; i++)
        b->bits |= (uint64_t)b->start[i] << (i * 8);
    if (b->left > 0)
        b->bits <<= 64 - b->left;
}

/* The next n bits, 0 <= n <= 56, of those that were fetched. */
static inline uint64_t back_peek(const struct back *b, unsigned n)
{
    return b->bits >> 1 >> (63 - n);
}

static inline void back_skip(struct back *b, unsigned n)
{
    b->bits <<= n;
    b->left -= n;
}

static inline uint64_t back_take(struct back *b, unsigned n)
{
    uint64_t v = back_peek(b, n);
    back_skip(b, n);
    return v;
}

/* In state i: symbol; the next state is base + the value of the next `bits` bits. */
struct fse_entry {
    uint16_t base;
    uint8_t bits, symbol;
};

struct fse {
    unsigned log; /* 1 << log states */
    struct fse_entry entry[1 << FSE_LOG_MAX];
};

/* A code of one symbol, which takes no bits. */
void fse_single(struct fse *f, uint8_t symbol);

/* From frequencies that add up to 1 << log, where -1 means "less than 1". */
NODISCARD bool fse_make(struct fse *f, const int16_t *counts, unsigned symbols, unsigned log);

/* Reads a description of frequencies and makes the code. Returns the size of the description. */
size_t fse_read(struct fse *f, const uint8_t *in, size_t len, unsigned symbols_max,
                unsigned log_max);

struct huffman {
    unsigned bits; /* of the longest code, and of the index into the table; 0: no code yet */
    struct {
        uint8_t symbol, bits;
    } entry[1 << HUFFMAN_BITS_MAX];
};

/* Reads a tree's description, with `work` for its own code. Returns the size of the description. */
size_t huffman_read(struct huffman *h, struct fse *work, const uint8_t *in, size_t len);

/* Decodes one stream to exactly out_len symbols. */
NODISCARD bool huffman_decode(const struct huffman *h, const uint8_t *in, size_t len, uint8_t *out,
                              size_t out_len);

#endif
