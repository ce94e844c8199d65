/* Carries out decoded writes: arithmetic, flags, registers. */
#include "core/insn/insn.h"

enum {
    CF = 1 << 0,
    PF = 1 << 2,
    AF = 1 << 4,
    ZF = 1 << 6,
    SF = 1 << 7,
    DF = 1 << 10,
    OF = 1 << 11,
    ARITHMETIC = CF | PF | AF | ZF | SF | OF,
};

static uint64_t mask(const struct insn *i)
{
    return i->width == 8 ? ~(uint64_t)0 : bit64(8u * i->width) - 1;
}

static uint64_t top_bit(const struct insn *i)
{
    return bit64(8u * i->width - 1);
}

static void set_register(struct insn_regs *regs, unsigned reg, bool high, unsigned width,
                         uint64_t value)
{
    uint64_t *r = &regs->gpr[reg];
    unsigned shift = high ? 8 : 0;

    if (width == 8)
        *r = value;
    else if (width == 4)
        *r = (uint32_t)value; /* the upper half becomes zero */
    else
        *r = (*r & ~((bit64(8 * width) - 1) << shift)) | (value & (bit64(8 * width) - 1)) << shift;
}

static uint64_t zero_sign_parity(const struct insn *i, uint64_t result)
{
    uint64_t f = 0;

    result &= mask(i);
    if (result == 0)
        f |= ZF;
    if (result & top_bit(i))
        f |= SF;
    if (!__builtin_parity((unsigned)result & 0xff))
        f |= PF;
    return f;
}

static void set_flags(struct insn_regs *regs, uint64_t which, uint64_t f)
{
    regs->rflags = (regs->rflags & ~which) | (f & which);
}

/* a + b + carry; flags from the carries out of bits 3, top - 1 and top. */
static uint64_t add(const struct insn *i, struct insn_regs *regs, uint64_t a, uint64_t b,
                    bool carry, uint64_t which)
{
    uint64_t sum = (a + b + carry) & mask(i);
    uint64_t carries = (a & b) | ((a | b) & ~sum);
    uint64_t f = zero_sign_parity(i, sum);

    f |= carries & top_bit(i) ? CF : 0;
    f |= (a ^ b ^ sum) & 16 ? AF : 0;
    f |= (a ^ sum) & (b ^ sum) & top_bit(i) ? OF : 0;
    set_flags(regs, which, f);
    return sum;
}

/* a - b - borrow. */
static uint64_t sub(const struct insn *i, struct insn_regs *regs, uint64_t a, uint64_t b,
                    bool borrow, uint64_t which)
{
    uint64_t diff = (a - b - borrow) & mask(i);
    uint64_t borrows = (~a & b) | (~(a ^ b) & diff);
    uint64_t f = zero_sign_parity(i, diff);

    f |= borrows & top_bit(i) ? CF : 0;
    f |= (a ^ b ^ diff) & 16 ? AF : 0;
    f |= (a ^ b) & (a ^ diff) & top_bit(i) ? OF : 0;
    set_flags(regs, which, f);
    return diff;
}

/* AF is undefined after these: it stays. */
static uint64_t logic(const struct insn *i, struct insn_regs *regs, uint64_t result)
{
    set_flags(regs, ARITHMETIC & ~(uint64_t)AF, zero_sign_parity(i, result));
    return result;
}

static uint64_t bit(const struct insn *i, struct insn_regs *regs, uint64_t old)
{
    uint64_t b = bit64((unsigned)i->value);

    set_flags(regs, CF, old & b ? CF : 0);
    return i->op == INSN_BTS ? old | b : i->op == INSN_BTR ? old & ~b : old ^ b;
}

static bool compare_exchange(const struct insn *i, uint64_t old, struct insn_regs *regs,
                             uint64_t *new_value)
{
    uint64_t have = regs->gpr[INSN_RAX] & mask(i);

    (void)sub(i, regs, have, old, false, ARITHMETIC);
    if (have == old) {
        *new_value = i->value;
        return true;
    }
    set_register(regs, INSN_RAX, false, i->width, old);
    return false;
}

static bool compare_exchange_8b(uint64_t old, struct insn_regs *regs, uint64_t *new_value)
{
    uint64_t *r = regs->gpr;
    bool same = old == (r[INSN_RDX] << 32 | (uint32_t)r[INSN_RAX]);

    set_flags(regs, ZF, same ? ZF : 0);
    if (same) {
        *new_value = r[INSN_RCX] << 32 | (uint32_t)r[INSN_RBX];
        return true;
    }
    r[INSN_RAX] = (uint32_t)old;
    r[INSN_RDX] = old >> 32;
    return false;
}

static void finish(const struct insn *i, struct insn_regs *regs)
{
    uint64_t step = regs->rflags & DF ? -(uint64_t)i->width : i->width;

    if (i->op == INSN_STOS || i->op == INSN_MOVS)
        regs->gpr[INSN_RDI] += step;
    if (i->op == INSN_MOVS)
        regs->gpr[INSN_RSI] += step;
    if (i->rep && --regs->gpr[INSN_RCX] != 0)
        return;
    regs->rip += i->length;
}

/* What the operand becomes, by all but the conditional operations. */
static uint64_t compute(const struct insn *i, struct insn_regs *regs, uint64_t old)
{
    const uint64_t v = i->value, all = ARITHMETIC, but_carry = ARITHMETIC & ~(uint64_t)CF;
    const bool carry = regs->rflags & CF;

    switch (i->op) {
        ROW(INSN_ADD, add(i, regs, old, v, false, all));
        ROW(INSN_XADD, add(i, regs, old, v, false, all));
        ROW(INSN_ADC, add(i, regs, old, v, carry, all));
        ROW(INSN_SUB, sub(i, regs, old, v, false, all));
        ROW(INSN_SBB, sub(i, regs, old, v, carry, all));
        ROW(INSN_AND, logic(i, regs, old & v));
        ROW(INSN_OR, logic(i, regs, old | v));
        ROW(INSN_XOR, logic(i, regs, old ^ v));
        ROW(INSN_NOT, ~old);
        ROW(INSN_NEG, sub(i, regs, 0, old, false, all));
        ROW(INSN_INC, add(i, regs, old, 1, false, but_carry));
        ROW(INSN_DEC, sub(i, regs, old, 1, false, but_carry));
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return bit(i, regs, old);
    default: /* MOV, STOS, MOVS, XCHG */
        return v;
    }
}

bool insn_apply(const struct insn *i, uint64_t old, struct insn_regs *regs, uint64_t *new_value)
{
    uint64_t result = i->value;
    bool write = true;

    if (i->op == INSN_REFUSED)
        return false;
    old &= mask(i);
    if (i->op == INSN_CMPXCHG)
        write = compare_exchange(i, old, regs, &result);
    else if (i->op == INSN_CMPXCHG8B)
        write = compare_exchange_8b(old, regs, &result);
    else
        result = compute(i, regs, old);
    if (i->op == INSN_XCHG || i->op == INSN_XADD)
        set_register(regs, i->reg, i->high_byte, i->width, old);
    *new_value = result & mask(i);
    finish(i, regs);
    return write;
}
