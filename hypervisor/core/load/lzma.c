/* LZMA2 decoder. Nearly all of the boot's instructions are spent in lzma_chunk(), so it is written
 * for their number: a Debian kernel is some 10^8 binary decisions, each of them BIT() below.
 *
 *  - Everything the loop needs is in locals or at a fixed offset from one pointer, tables included.
 *  - A probability's next value comes out of a table: one load instead of four operations.
 *  - Each bit has two ways on, so that no decoded bit is turned into a number and tested again.
 *  - After a literal and after a match are two places in the code, not a state to be asked for.
 *  - Input is checked once per symbol: none takes more than SYMBOL_INPUT bytes, and behind the last
 *    chunk of an .xz file there always are as many (end mark, index, footer).
 *  - The output is the dictionary. Matches are copied in words, if needed past their end: those
 *    bytes are written again by what follows, and near the buffer's end there is a careful way.
 *
 * Numbers are those of the LZMA format: probabilities have 11 bits and move by 1/32. */
#include "core/load/lzma.h"

#include "core/load/copy.h"
#include "core/load/why.h"

enum {
    PROB_ONE = 2048,
    PROB_MOVE = 5,
    PROB_BITS = 11,
    STATES = 12,
    POS_STATES = 16,
    LEN_MIN = 2,
    LEN_MAX = 273,
    LITERAL_SIZE = 0x300,
    LITERALS = LITERAL_SIZE << 4, /* lc + lp <= 4 in LZMA2 */
    SYMBOL_INPUT = 21, /* see above: the longest symbol takes 20, a last NORMALIZE() one more */
    SLOTS = 64,
    END_SLOT = 14,
    ALIGN_BITS = 4,
};
#define RANGE_TOP ((uint32_t)1 << 24)

struct len_probs {
    uint16_t choice, choice2;
    uint16_t low[POS_STATES][8], mid[POS_STATES][8], high[256];
};

struct probs {
    uint16_t is_match[STATES][POS_STATES], is_rep0_long[STATES][POS_STATES];
    uint16_t is_rep[STATES], is_rep0[STATES], is_rep1[STATES], is_rep2[STATES];
    uint16_t dist_slot[4][SLOTS];
    uint16_t dist_special[128]; /* reverse trees of slots 4..13, each at its own base */
    uint16_t align[1 << ALIGN_BITS];
    struct len_probs len, rep_len;
    uint16_t literal[LITERALS];
};

struct lzma {
    struct probs probs;
    uint16_t after0[PROB_ONE], after1[PROB_ONE]; /* a probability after a 0 or 1 was seen */
    uint8_t next_literal[STATES], next_match[STATES], next_rep[STATES], next_short[STATES];
    uint32_t state, rep0, rep1, rep2, rep3;
    uint32_t lc, lp, pb;
    const uint8_t *in, *in_limit;             /* a symbol may start up to in_limit */
    uint8_t *dict, *out, *out_end, *out_safe; /* chunk's end; copies may overrun up to out_safe */
};
_Static_assert(sizeof(struct lzma) <= UNPACK_SCRATCH, "scratch");

static void make_tables(struct lzma *s)
{
    for (unsigned v = 0; v < PROB_ONE; v++) {
        s->after0[v] = (uint16_t)(v + ((PROB_ONE - v) >> PROB_MOVE));
        s->after1[v] = (uint16_t)(v - (v >> PROB_MOVE));
    }
    for (unsigned st = 0; st < STATES; st++) {
        s->next_literal[st] = (uint8_t)(st < 4 ? 0 : st < 10 ? st - 3 : st - 6);
        s->next_match[st] = st < 7 ? 7 : 10;
        s->next_rep[st] = st < 7 ? 8 : 11;
        s->next_short[st] = st < 7 ? 9 : 11;
    }
}

static void reset_state(struct lzma *s)
{
    uint16_t *p = (uint16_t *)&s->probs;

    for (size_t i = 0; i < sizeof(s->probs) / sizeof(*p); i++)
        p[i] = PROB_ONE / 2;
    s->state = 0;
    s->rep0 = s->rep1 = s->rep2 = s->rep3 = 0;
}

#define NORMALIZE()                                                                                \
    do {                                                                                           \
        if (unlikely(range < RANGE_TOP)) {                                                         \
            range <<= 8;                                                                           \
            code = code << 8 | *in++;                                                              \
        }                                                                                          \
    } while (0)

/* Decodes one bit with the probability at `at`; goes on with `zero` or `one`. */
#define BIT(at, zero, one)                                                                         \
    do {                                                                                           \
        uint16_t *at_ = (at);                                                                      \
        NORMALIZE();                                                                               \
        uint32_t v_ = *at_, bound_ = (range >> PROB_BITS) * v_;                                    \
        if (code < bound_) {                                                                       \
            range = bound_;                                                                        \
            *at_ = s->after0[v_];                                                                  \
            zero;                                                                                  \
        } else {                                                                                   \
            range -= bound_;                                                                       \
            code -= bound_;                                                                        \
            *at_ = s->after1[v_];                                                                  \
            one;                                                                                   \
        }                                                                                          \
    } while (0)

/* One step down a binary tree of probabilities; sym starts at 1. */
#define TREE(tree, sym) BIT((tree) + (sym), (sym) += (sym), (sym) = (sym) + (sym) + 1)
#define TREE3(tree, sym)                                                                           \
    TREE(tree, sym);                                                                               \
    TREE(tree, sym);                                                                               \
    TREE(tree, sym)

/* As BIT, but the other way: fixed half. */
#define DIRECT(dist)                                                                               \
    do {                                                                                           \
        NORMALIZE();                                                                               \
        range >>= 1;                                                                               \
        if (code < range) {                                                                        \
            dist += dist;                                                                          \
        } else {                                                                                   \
            code -= range;                                                                         \
            dist += dist + 1;                                                                      \
        }                                                                                          \
    } while (0)

/* Decodes symbols until the chunk's output is complete. Returns false if the data cannot be right.
 * lc, lp and pb are arguments so that the usual values are constants in one copy of this. */
static inline __attribute__((always_inline)) bool chunk(struct lzma *s, uint32_t lc, uint32_t lp,
                                                        uint32_t pb)
{
    const uint8_t *in = s->in;
    uint8_t *out = s->out;
    uint8_t *const dict = s->dict;
    uint32_t state = s->state, rep0 = s->rep0;
    uint32_t range = 0xffffffff, code = __builtin_bswap32(load_le32(in));
    uint32_t sym, pos_state, len, slot;
    uint16_t *tree;
    struct len_probs *lens;

    in += 4;
    if (state >= 7)
        goto after_match;

after_literal:
    if (unlikely(out >= s->out_end))
        goto done;
    pos_state = (uint32_t)(out - dict) & ((1u << pb) - 1);
    if (unlikely(in > s->in_limit))
        return false;
    BIT(&s->probs.is_match[state][pos_state], , goto match);
    tree = s->probs.literal;
    if (lp)
        tree += (((uint32_t)(out - dict) & ((1u << lp) - 1)) << lc) * LITERAL_SIZE;
    if (likely(out != dict))
        tree += ((uint32_t)out[-1] >> (8 - lc)) * LITERAL_SIZE;
    sym = 1;
    TREE(tree, sym);
plain6:
    TREE(tree, sym);
plain5:
    TREE(tree, sym);
plain4:
    TREE(tree, sym);
plain3:
    TREE(tree, sym);
plain2:
    TREE(tree, sym);
plain1:
    TREE(tree, sym);
plain0:
    TREE(tree, sym);
literal:
    *out++ = (uint8_t)sym;
    state = s->next_literal[state];
    goto after_literal;

/* A literal after a match differs from the byte that the match would have gone on with: its bits
 * are decoded beside that byte's, until they differ. literal[0x100..] is for 0s there, [0x200..]
 * for 1s. */
#define BESIDE(bit, differs)                                                                       \
    if (len & (1u << bit))                                                                         \
        BIT(tree + 0x200 + sym, sym += sym; goto differs, sym += sym + 1);                         \
    else                                                                                           \
        BIT(tree + 0x100 + sym, sym += sym, sym += sym + 1; goto differs)

after_match:
    if (unlikely(out >= s->out_end))
        goto done;
    pos_state = (uint32_t)(out - dict) & ((1u << pb) - 1);
    if (unlikely(in > s->in_limit))
        return false;
    BIT(&s->probs.is_match[state][pos_state], , goto match);
    tree = s->probs.literal + ((uint32_t)out[-1] >> (8 - lc)) * LITERAL_SIZE;
    if (lp)
        tree += (((uint32_t)(out - dict) & ((1u << lp) - 1)) << lc) * LITERAL_SIZE;
    sym = 1;
    len = *(out - rep0 - 1);
    BESIDE(7, plain6);
    BESIDE(6, plain5);
    BESIDE(5, plain4);
    BESIDE(4, plain3);
    BESIDE(3, plain2);
    BESIDE(2, plain1);
    BESIDE(1, plain0);
    BESIDE(0, literal);
    goto literal;

match:
    BIT(&s->probs.is_rep[state], , goto rep);
    s->rep3 = s->rep2;
    s->rep2 = s->rep1;
    s->rep1 = rep0;
    state = s->next_match[state];
    lens = &s->probs.len;
    goto length;

rep:
    BIT(&s->probs.is_rep0[state], goto rep_nearest, );
    BIT(&s->probs.is_rep1[state], len = s->rep1; goto rep_swap1, );
    BIT(&s->probs.is_rep2[state], len = s->rep2; goto rep_swap2, );
    len = s->rep3;
    s->rep3 = s->rep2;
rep_swap2:
    s->rep2 = s->rep1;
rep_swap1:
    s->rep1 = rep0;
    rep0 = len;
    goto rep_length;
rep_nearest:
    BIT(&s->probs.is_rep0_long[state][pos_state], goto short_rep, );
rep_length:
    state = s->next_rep[state];
    lens = &s->probs.rep_len;

length:
    sym = 1;
    BIT(&lens->choice, goto len_low, );
    BIT(&lens->choice2, goto len_mid, );
    TREE3(lens->high, sym);
    TREE3(lens->high, sym);
    TREE(lens->high, sym);
    TREE(lens->high, sym);
    len = sym - 256 + LEN_MIN + 16;
    goto len_known;
len_mid:
    TREE3(lens->mid[pos_state], sym);
    len = sym - 8 + LEN_MIN + 8;
    goto len_known;
len_low:
    TREE3(lens->low[pos_state], sym);
    len = sym - 8 + LEN_MIN;
len_known:
    if (lens == &s->probs.rep_len)
        goto copy;

    tree = s->probs.dist_slot[len < LEN_MIN + 4 ? len - LEN_MIN : 3];
    sym = 1;
    TREE3(tree, sym);
    TREE3(tree, sym);
    slot = sym - SLOTS;
    if (slot < 4) {
        rep0 = slot;
        goto copy;
    }
    uint32_t bits = (slot >> 1) - 1;
    rep0 = 2 + (slot & 1);
    uint32_t add = 1;
    sym = 1;
    if (slot < END_SLOT) {
        rep0 <<= bits;
        tree = s->probs.dist_special + rep0 - slot;
    } else {
        bits -= ALIGN_BITS;
        do
            DIRECT(rep0);
        while (--bits);
        rep0 <<= ALIGN_BITS;
        tree = s->probs.align;
        bits = ALIGN_BITS;
    }
    do {
        BIT(tree + sym, sym += sym, sym += sym + 1; rep0 += add);
        add += add;
    } while (--bits);

copy:
    if (unlikely(rep0 >= (size_t)(out - dict) || len > (size_t)(s->out_end - out)))
        return false;
    if (likely(out < s->out_safe))
        out = copy_match(out, (size_t)rep0 + 1, len);
    else
        out = copy_carefully(out, (size_t)rep0 + 1, len);
    goto after_match;

short_rep:
    if (unlikely(rep0 >= (size_t)(out - dict)))
        return false;
    *out = *(out - rep0 - 1);
    out++;
    state = s->next_short[state];
    goto after_match;

done:
    NORMALIZE();
    s->in = in;
    s->out = out;
    s->state = state;
    s->rep0 = rep0;
    return code == 0;
}

static __attribute__((noinline)) bool chunk_usual(struct lzma *s)
{
    return chunk(s, 3, 0, 2);
}

static __attribute__((noinline)) bool chunk_any(struct lzma *s)
{
    return chunk(s, s->lc, s->lp, s->pb);
}

static bool lzma_chunk(struct lzma *s)
{
    return s->lc == 3 && s->lp == 0 && s->pb == 2 ? chunk_usual(s) : chunk_any(s);
}

static bool set_properties(struct lzma *s, uint8_t byte)
{
    s->lc = byte % 9;
    s->lp = byte / 9 % 5;
    s->pb = byte / 45;
    return s->pb <= 4 && s->lc + s->lp <= 4;
}

/* What the next chunk must bring, until it has. */
enum { NEED_DICT = 1, NEED_PROPS = 2, NEED_STATE = 4 };

static int raw_chunk(struct lzma *s, const struct unpack *u, const uint8_t **in, const char **why)
{
    const uint8_t *end = u->in + u->in_len;

    if (end - *in < 3)
        return bad(-XEN_EINVAL, "xz: the data is cut short", why);
    size_t len = ((size_t)(*in)[1] << 8 | (*in)[2]) + 1;
    if ((size_t)(end - *in) - 3 < len)
        return bad(-XEN_EINVAL, "xz: the data is cut short", why);
    if (len > (size_t)(u->out + u->out_cap - s->out))
        return bad(-XEN_ENOSPC, "xz: unpacked, it is larger than expected", why);
    __builtin_memcpy(s->out, *in + 3, len);
    s->out += len;
    *in += 3 + len;
    return 0;
}

static int packed_chunk(struct lzma *s, const struct unpack *u, const uint8_t **in, unsigned *need,
                        const char **why)
{
    const uint8_t *h = *in, *end = u->in + u->in_len;
    unsigned reset = h[0] >> 5 & 3; /* 1 state, 2 and properties, 3 and dictionary */
    unsigned header = reset >= 2 ? 6 : 5;

    if ((size_t)(end - h) < header + 5 + SYMBOL_INPUT)
        return bad(-XEN_EINVAL, "xz: the data is cut short", why);
    size_t out_len = ((size_t)(h[0] & 31) << 16 | (size_t)h[1] << 8 | h[2]) + 1;
    size_t in_len = ((size_t)h[3] << 8 | h[4]) + 1;
    if (out_len > (size_t)(u->out + u->out_cap - s->out))
        return bad(-XEN_ENOSPC, "xz: unpacked, it is larger than expected", why);
    if ((reset < 2 && (*need & NEED_PROPS)) || (reset < 1 && (*need & NEED_STATE)) ||
        (reset >= 2 && !set_properties(s, h[5])))
        return bad(-XEN_EINVAL, "xz: the data is damaged", why);
    if (reset >= 1)
        reset_state(s);
    *need = 0;

    /* The first of the range coder's five bytes is always 0 and never used. */
    s->in = h + header + 1;
    s->out_end = s->out + out_len;
    s->in_limit = end - SYMBOL_INPUT;
    if (!lzma_chunk(s) || s->in != h + header + in_len)
        return bad(-XEN_EINVAL, "xz: the data is damaged", why);
    *in = s->in;
    return 0;
}

int lzma2_decode(const struct unpack *u, size_t *in_pos, size_t *out_pos, const char **why)
{
    struct lzma *s = u->scratch;
    const uint8_t *in = u->in + *in_pos, *end = u->in + u->in_len;
    unsigned need = NEED_DICT | NEED_PROPS | NEED_STATE;

    make_tables(s);
    s->dict = s->out = u->out + *out_pos;
    s->out_safe =
        u->out_cap > LEN_MAX + COPY_OVERRUN ? u->out + u->out_cap - LEN_MAX - COPY_OVERRUN : u->out;
    while (in < end && *in != 0) {
        bool packed = *in & 0x80, new_dict = packed ? *in >= 0xe0 : *in == 1;
        int rc;

        if ((!packed && *in > 2) || ((need & NEED_DICT) && !new_dict))
            return bad(-XEN_EINVAL, "xz: the data is damaged", why);
        if (new_dict) {
            s->dict = s->out;
            need &= ~(unsigned)NEED_DICT;
            if (!packed)
                need |= NEED_PROPS;
        }
        if (packed)
            rc = packed_chunk(s, u, &in, &need, why);
        else
            rc = raw_chunk(s, u, &in, why);
        if (rc)
            return rc;
    }
    if (in == end)
        return bad(-XEN_EINVAL, "xz: the data is cut short", why);
    *in_pos = (size_t)(in + 1 - u->in);
    *out_pos = (size_t)(s->out - u->out);
    return 0;
}
