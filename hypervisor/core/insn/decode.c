/* Decoding, by two tables of opcodes. Only 64-bit mode; an address-size prefix is refused, as are
 * combinations of prefixes that the processor would not execute or that nobody uses. */
#include "core/insn/insn.h"

/* Where an instruction's operands are. */
enum form {
    MEM_REG = 1, /* ModRM: memory, register */
    MEM_IMM,     /* memory, immediate of the operand's width, 4 bytes at most */
    MEM_IMM8,    /* memory, sign-extended byte */
    MEM_BIT,     /* memory, number of a bit in a byte */
    MEM_BIT_REG, /* memory, number of a bit in a register */
    MEM_ONLY,
    ADDRESS_ACC, /* 8-byte address in the instruction, accumulator */
    STRING,
};

enum {
    BYTE = 1,  /* width is 1 */
    LOCKS = 2, /* may have a LOCK prefix */
    GROUP = 4, /* op is a row of groups[], which ModRM.reg indexes */
};

struct opcode {
    uint8_t op, form, flags;
};

enum group { G_ALU, G_MOV, G_UNARY, G_INC, G_BIT, G_CMPXCHG8B };

static const uint8_t groups[][8] = {
    [G_ALU] = {INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR},
    [G_MOV] = {INSN_MOV},
    [G_UNARY] = {[2] = INSN_NOT, [3] = INSN_NEG},
    [G_INC] = {INSN_INC, INSN_DEC},
    [G_BIT] = {[5] = INSN_BTS, [6] = INSN_BTR, [7] = INSN_BTC},
    [G_CMPXCHG8B] = {[1] = INSN_CMPXCHG8B},
};

#define ALU(base, op) [base] = {op, MEM_REG, LOCKS | BYTE}, [(base) + 1] = {op, MEM_REG, LOCKS}

static const struct opcode one_byte[256] = {
    ALU(0x00, INSN_ADD),
    ALU(0x08, INSN_OR),
    ALU(0x10, INSN_ADC),
    ALU(0x18, INSN_SBB),
    ALU(0x20, INSN_AND),
    ALU(0x28, INSN_SUB),
    ALU(0x30, INSN_XOR),
    [0x80] = {G_ALU, MEM_IMM, LOCKS | BYTE | GROUP},
    [0x81] = {G_ALU, MEM_IMM, LOCKS | GROUP},
    [0x83] = {G_ALU, MEM_IMM8, LOCKS | GROUP},
    [0x86] = {INSN_XCHG, MEM_REG, LOCKS | BYTE},
    [0x87] = {INSN_XCHG, MEM_REG, LOCKS},
    [0x88] = {INSN_MOV, MEM_REG, BYTE},
    [0x89] = {INSN_MOV, MEM_REG, 0},
    [0xa2] = {INSN_MOV, ADDRESS_ACC, BYTE},
    [0xa3] = {INSN_MOV, ADDRESS_ACC, 0},
    [0xa4] = {INSN_MOVS, STRING, BYTE},
    [0xa5] = {INSN_MOVS, STRING, 0},
    [0xaa] = {INSN_STOS, STRING, BYTE},
    [0xab] = {INSN_STOS, STRING, 0},
    [0xc6] = {G_MOV, MEM_IMM, BYTE | GROUP},
    [0xc7] = {G_MOV, MEM_IMM, GROUP},
    [0xf6] = {G_UNARY, MEM_ONLY, LOCKS | BYTE | GROUP},
    [0xf7] = {G_UNARY, MEM_ONLY, LOCKS | GROUP},
    [0xfe] = {G_INC, MEM_ONLY, LOCKS | BYTE | GROUP},
    [0xff] = {G_INC, MEM_ONLY, LOCKS | GROUP},
};

static const struct opcode two_byte[256] = {
    [0xab] = {INSN_BTS, MEM_BIT_REG, LOCKS},
    [0xb0] = {INSN_CMPXCHG, MEM_REG, LOCKS | BYTE},
    [0xb1] = {INSN_CMPXCHG, MEM_REG, LOCKS},
    [0xb3] = {INSN_BTR, MEM_BIT_REG, LOCKS},
    [0xba] = {G_BIT, MEM_BIT, LOCKS | GROUP},
    [0xbb] = {INSN_BTC, MEM_BIT_REG, LOCKS},
    [0xc0] = {INSN_XADD, MEM_REG, LOCKS | BYTE},
    [0xc1] = {INSN_XADD, MEM_REG, LOCKS},
    [0xc3] = {INSN_MOV, MEM_REG, 0}, /* MOVNTI */
    [0xc7] = {G_CMPXCHG8B, MEM_ONLY, LOCKS | GROUP},
};

enum { REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1 };

struct state {
    const uint8_t *bytes;
    size_t n, at;
    bool cut; /* a byte was asked for that is not there */
    const struct insn_regs *regs;
    uint8_t rex;
    bool wide16, rep;
    uint64_t segment_base;
    uint8_t modrm;
};

static uint8_t next_byte(struct state *s)
{
    if (s->at >= s->n) {
        s->cut = true;
        return 0;
    }
    return s->bytes[s->at++];
}

/* Sign-extended. */
static uint64_t next_number(struct state *s, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)next_byte(s) << (8 * i);
    if (bytes < 8 && v >> (8 * bytes - 1))
        v |= ~(uint64_t)0 << (8 * bytes);
    return v;
}

static uint64_t truncate(uint64_t v, unsigned width)
{
    return width == 8 ? v : v & (bit64(8 * width) - 1);
}

static bool is_register(const struct state *s)
{
    return s->modrm >= 0xc0;
}

static unsigned modrm_reg(const struct state *s)
{
    return (s->modrm >> 3 & 7u) | (s->rex & REX_R ? 8 : 0);
}

static unsigned modrm_rm(const struct state *s)
{
    return (s->modrm & 7u) | (s->rex & REX_B ? 8 : 0);
}

static uint64_t sib_address(struct state *s, unsigned mod)
{
    uint8_t sib = next_byte(s);
    unsigned index = (sib >> 3 & 7u) | (s->rex & REX_X ? 8 : 0);
    unsigned base = (sib & 7u) | (s->rex & REX_B ? 8 : 0);
    uint64_t address = 0;

    if (index != INSN_RSP)
        address = s->regs->gpr[index] << (sib >> 6);
    if ((sib & 7) == INSN_RBP && mod == 0)
        return address + next_number(s, 4);
    return address + s->regs->gpr[base];
}

/* The address that ModRM and what follows it name. An address relative to rip counts from the
 * instruction's end: what is still to come behind it is `behind` bytes. */
static uint64_t memory_address(struct state *s, unsigned behind)
{
    unsigned mod = s->modrm >> 6, rm = s->modrm & 7;
    uint64_t address;

    if (mod == 0 && rm == INSN_RBP) {
        address = next_number(s, 4);
        address += s->regs->rip + s->at + behind;
    } else {
        address = rm == INSN_RSP ? sib_address(s, mod) : s->regs->gpr[modrm_rm(s)];
        if (mod != 0)
            address += next_number(s, mod == 1 ? 1 : 4);
    }
    return address + s->segment_base;
}

/* Without REX, byte registers 4..7 are the second bytes of 0..3. */
static void name_register(const struct state *s, struct insn *i, unsigned reg)
{
    i->high_byte = i->width == 1 && !s->rex && reg >= 4;
    i->reg = (uint8_t)(i->high_byte ? reg - 4 : reg);
}

static uint64_t register_value(const struct insn *i, const struct insn_regs *regs)
{
    return truncate(regs->gpr[i->reg] >> (i->high_byte ? 8 : 0), i->width);
}

/* A bit's number in a register reaches beyond the operand, both ways. */
static void name_far_bit(struct state *s, struct insn *i)
{
    uint64_t v = s->regs->gpr[modrm_reg(s)];
    unsigned width = i->width;
    int64_t number = width == 8 ? (int64_t)v : width == 4 ? (int32_t)v : (int16_t)v;
    unsigned shift = lowest_bit(width) + 3;

    i->addr += (uint64_t)(number >> shift) * width;
    i->value = (uint64_t)number & (width * 8 - 1);
}

static bool memory_operands(struct state *s, struct insn *i, enum form form)
{
    unsigned imm = form == MEM_IMM                       ? (i->width == 8 ? 4 : i->width)
                   : form == MEM_IMM8 || form == MEM_BIT ? 1
                                                         : 0;
    if (is_register(s))
        return false;
    i->addr = memory_address(s, imm);
    if (form == MEM_REG) {
        name_register(s, i, modrm_reg(s));
        i->value = register_value(i, s->regs);
    } else if (form == MEM_BIT_REG) {
        name_far_bit(s, i);
    } else if (imm) {
        i->value = truncate(next_number(s, imm), i->width);
        if (form == MEM_BIT)
            i->value &= i->width * 8u - 1;
    }
    return true;
}

static bool string_operands(struct state *s, struct insn *i)
{
    i->rep = s->rep;
    i->addr = s->regs->gpr[INSN_RDI];
    i->value = truncate(s->regs->gpr[INSN_RAX], i->width);
    if (i->op == INSN_MOVS)
        i->source = s->regs->gpr[INSN_RSI] + s->segment_base;
    return !i->rep || s->regs->gpr[INSN_RCX] != 0;
}

static bool operands(struct state *s, struct insn *i, const struct opcode *o)
{
    i->width = o->flags & BYTE ? 1 : s->rex & REX_W ? 8 : s->wide16 ? 2 : 4;
    if (o->form == STRING)
        return string_operands(s, i);
    if (o->form == ADDRESS_ACC) {
        i->addr = next_number(s, 8) + s->segment_base;
        i->value = truncate(s->regs->gpr[INSN_RAX], i->width);
        return true;
    }
    s->modrm = next_byte(s);
    if (o->flags & GROUP)
        i->op = groups[o->op][s->modrm >> 3 & 7];
    if (i->op == INSN_CMPXCHG8B) {
        if (i->width == 8)
            return false; /* CMPXCHG16B */
        i->width = 8;
    }
    return i->op != INSN_REFUSED && memory_operands(s, i, o->form);
}

/* Consumes prefixes; the byte that ends them is the opcode. False: one that we refuse. */
static bool prefixes(struct state *s, struct insn *i, uint8_t *opcode)
{
    for (;;) {
        uint8_t b = next_byte(s);
        switch (b) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            break; /* without meaning in 64-bit mode */
        case 0x64:
            s->segment_base = s->regs->fs_base;
            break;
        case 0x65:
            s->segment_base = s->regs->gs_base;
            break;
        case 0x66:
            s->wide16 = true;
            break;
        case 0x67:
            return false;
        case 0xf0:
            i->lock = true;
            break;
        case 0xf2:
        case 0xf3:
            s->rep = true;
            break;
        default:
            if ((b & 0xf0) == 0x40) {
                s->rex = b;
                continue;
            }
            *opcode = b;
            return true;
        }
        s->rex = 0; /* counts only right before the opcode */
        if (s->cut)
            return true;
    }
}

int insn_decode(const uint8_t *bytes, size_t n, const struct insn_regs *regs, struct insn *i)
{
    struct state s = {.bytes = bytes, .n = min_u64(n, INSN_LENGTH_MAX), .regs = regs};
    const struct opcode *o = one_byte;
    uint8_t opcode = 0;

    *i = (struct insn){0};
    bool ok = prefixes(&s, i, &opcode);
    if (ok && opcode == 0x0f) {
        opcode = next_byte(&s);
        o = two_byte;
    }
    if (ok && !s.cut) {
        o += opcode;
        i->op = o->flags & GROUP ? INSN_REFUSED : (enum insn_op)o->op;
        ok = o->form != 0 && (!i->lock || (o->flags & LOCKS)) && (!s.rep || o->form == STRING) &&
             operands(&s, i, o);
    }
    if (s.cut)
        return n < INSN_LENGTH_MAX ? -XEN_EFAULT : -XEN_EOPNOTSUPP;
    i->length = (uint8_t)s.at;
    return ok ? 0 : -XEN_EOPNOTSUPP;
}
