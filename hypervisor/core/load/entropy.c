/* FSE and Huffman codes of zstd, as RFC 8878 sections 4.1 and 4.2 define them. */
#include "core/load/entropy.h"

void fse_single(struct fse *f, uint8_t symbol)
{
    f->log = 0;
    f->entry[0] = (struct fse_entry){0, 0, symbol};
}

bool fse_make(struct fse *f, const int16_t *counts, unsigned symbols, unsigned log)
{
    unsigned size = 1u << log, high = size, pos = 0, step = (size >> 1) + (size >> 3) + 3;
    uint16_t next[HUFFMAN_SYMBOLS_MAX];

    f->log = log;
    for (unsigned s = 0; s < symbols; s++) {
        next[s] = counts[s] < 0 ? 1 : (uint16_t)counts[s];
        if (counts[s] < 0)
            f->entry[--high].symbol = (uint8_t)s;
    }
    for (unsigned s = 0; s < symbols; s++) {
        for (int i = 0; i < counts[s]; i++) {
            f->entry[pos].symbol = (uint8_t)s;
            do
                pos = (pos + step) & (size - 1);
            while (pos >= high);
        }
    }
    if (pos != 0)
        return false;
    for (unsigned i = 0; i < size; i++) {
        unsigned x = next[f->entry[i].symbol]++;
        f->entry[i].bits = (uint8_t)(log - highest_bit(x));
        f->entry[i].base = (uint16_t)((x << f->entry[i].bits) - size);
    }
    return true;
}

/* Bits in reading order from the lowest of the first byte; zeros behind the end. */
static unsigned forward_bits(const uint8_t *in, size_t len, size_t at, unsigned n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4 && at / 8 + i < len; i++)
        v |= (uint32_t)in[at / 8 + i] << (i * 8);
    return v >> (at % 8) & ((1u << n) - 1);
}

size_t fse_read(struct fse *f, const uint8_t *in, size_t len, unsigned symbols_max,
                unsigned log_max)
{
    int16_t counts[HUFFMAN_SYMBOLS_MAX] = {0};
    unsigned log = forward_bits(in, len, 0, 4) + 5, symbols = 0;
    int left = 1 << log;
    size_t at = 4;

    if (log > log_max)
        return 0;
    while (left > 0 && symbols < symbols_max) {
        /* A value 0..left+1; where not all patterns are needed, small ones are a bit shorter. */
        unsigned bits = highest_bit((unsigned)left + 1) + 1;
        unsigned v = forward_bits(in, len, at, bits), half = (1u << (bits - 1)) - 1;
        unsigned shorter = (1u << bits) - 1 - ((unsigned)left + 1);

        if ((v & half) < shorter) {
            v &= half;
            at += bits - 1;
        } else {
            v -= v > half ? shorter : 0;
            at += bits;
        }
        int count = (int)v - 1;
        left -= count < 0 ? 1 : count;
        counts[symbols++] = (int16_t)count;
        for (unsigned zeros = count == 0 ? 3 : 0; zeros == 3; symbols += zeros, at += 2)
            zeros = forward_bits(in, len, at, 2);
    }
    size_t used = (at + 7) / 8;
    if (left != 0 || symbols > symbols_max || used > len || !fse_make(f, counts, symbols, log))
        return 0;
    return used;
}

/* Weights packed with FSE: two states take turns until the stream is used up. */
static unsigned read_packed_weights(struct fse *work, const uint8_t *in, size_t len,
                                    uint8_t *weights)
{
    struct back b;
    size_t header = fse_read(work, in, len, HUFFMAN_SYMBOLS_MAX, 6);
    unsigned n = 0;

    if (header == 0 || !back_open(&b, in + header, len - header))
        return 0;
    back_fetch(&b);
    unsigned state[2] = {(unsigned)back_take(&b, work->log), 0};
    state[1] = (unsigned)back_take(&b, work->log);
    if (b.left < 0)
        return 0;
    for (unsigned turn = 0;; turn ^= 1) {
        const struct fse_entry *e = &work->entry[state[turn]];
        if (n >= HUFFMAN_SYMBOLS_MAX - 2)
            return 0;
        weights[n++] = e->symbol;
        back_fetch(&b);
        state[turn] = e->base + (unsigned)back_take(&b, e->bits);
        if (b.left < 0) {
            weights[n++] = work->entry[state[turn ^ 1]].symbol;
            return n;
        }
    }
}

/* The last symbol's weight is not said: it fills the code up. */
static bool make_huffman(struct huffman *h, uint8_t *weights, unsigned n)
{
    uint32_t start[HUFFMAN_BITS_MAX + 2] = {0}, sum = 0;

    for (unsigned i = 0; i < n; i++) {
        if (weights[i] > HUFFMAN_BITS_MAX)
            return false;
        sum += (1u << weights[i]) >> 1;
    }
    if (sum == 0)
        return false;
    unsigned bits = highest_bit(sum) + 1;
    uint32_t rest = (1u << bits) - sum;
    if (bits > HUFFMAN_BITS_MAX || !is_pow2(rest))
        return false;
    weights[n++] = (uint8_t)(highest_bit(rest) + 1);

    for (unsigned i = 0; i < n; i++)
        start[weights[i] + 1] += (1u << weights[i]) >> 1;
    start[1] = 0;
    for (unsigned w = 1; w <= bits; w++)
        start[w + 1] += start[w];
    for (unsigned i = 0; i < n; i++) {
        unsigned w = weights[i];
        for (uint32_t k = (1u << w) >> 1; k > 0; k--) {
            h->entry[start[w]].symbol = (uint8_t)i;
            h->entry[start[w]++].bits = (uint8_t)(bits + 1 - w);
        }
    }
    h->bits = bits;
    return true;
}

size_t huffman_read(struct huffman *h, struct fse *work, const uint8_t *in, size_t len)
{
    uint8_t weights[HUFFMAN_SYMBOLS_MAX];
    unsigned n;
    size_t used;

    h->bits = 0;
    if (len == 0)
        return 0;
    if (in[0] < 128) {
        used = 1 + (size_t)in[0];
        n = used <= len ? read_packed_weights(work, in + 1, in[0], weights) : 0;
    } else {
        n = in[0] - 127u;
        used = 1 + (n + 1) / 2;
        for (unsigned i = 0; used <= len && i < n; i++)
            weights[i] = i & 1 ? in[1 + i / 2] & 15 : in[1 + i / 2] >> 4;
    }
    return used <= len && n > 0 && make_huffman(h, weights, n) ? used : 0;
}

bool huffman_decode(const struct huffman *h, const uint8_t *in, size_t len, uint8_t *out,
                    size_t out_len)
{
    struct back b;
    uint8_t *end = out + out_len;
    unsigned bits = h->bits;

    if (!back_open(&b, in, len))
        return false;
    while (out < end) {
        back_fetch(&b);
        /* A fetch is good for five codes. */
        for (unsigned i = 0; i < 5 && out < end; i++) {
            uint64_t x = back_peek(&b, bits);
            *out++ = h->entry[x].symbol;
            back_skip(&b, h->entry[x].bits);
        }
        if (b.left < 0)
            return false;
    }
    return b.left == 0;
}
