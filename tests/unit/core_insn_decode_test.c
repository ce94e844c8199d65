/*
 * The decoder, with the processor as its judge: each kind of write is made in all its widths and
 * address forms, decoded and carried out by insn_apply(), and executed; memory, registers and
 * flags must come out alike. What is refused is a list.
 */
#include <asm/prctl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/insn/insn.h"
#include "tests/unit/check.h"

enum { CODE = 4096, DATA = 4096, FLAGS = 0x8d5, UNDEFINED_AF = 0x10, DF = 0x400, GS_BASE = 0x1230 };

static uint8_t *page; /* code, then data */
static uint8_t *data;
static struct {
    uint64_t gpr[16], rflags;
} after;

static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

struct code {
    uint8_t bytes[15];
    unsigned n;
};

static void emit(struct code *c, unsigned n, uint64_t v)
{
    for (unsigned i = 0; i < n; i++)
        c->bytes[c->n++] = (uint8_t)(v >> (8 * i));
}

/* Runs one instruction with these registers (rsp excepted); results in `after` and in data. */
static void execute(const struct code *c, const struct insn_regs *r, size_t at)
{
    uint8_t *p = page;
    static const uint8_t push[] = {0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57};
    static const uint8_t pop[] = {0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b};
    uint64_t v;

#define PUT(...)                                                                                   \
    do {                                                                                           \
        const uint8_t b_[] = {__VA_ARGS__};                                                        \
        memcpy(p, b_, sizeof(b_));                                                                 \
        p += sizeof(b_);                                                                           \
    } while (0)
#define PUT64(x) (v = (uint64_t)(x), memcpy(p, &v, 8), p += 8)
    memcpy(p, push, sizeof(push));
    p += sizeof(push);
    PUT(0x48, 0xb8);
    PUT64(r->rflags | 2);
    PUT(0x50, 0x9d);
    for (unsigned i = 0; i < 16; i++) {
        if (i == INSN_RSP)
            continue;
        PUT((uint8_t)(i < 8 ? 0x48 : 0x49), (uint8_t)(0xb8 + i % 8));
        PUT64(r->gpr[i]);
    }
    PUT(0xe9);
    uint32_t jump = (uint32_t)(page + at - (p + 4));
    memcpy(p, &jump, 4);
    p = page + at;
    memcpy(p, c->bytes, c->n);
    p += c->n;
    PUT(0x48, 0xa3);
    PUT64(&after.gpr[0]);
    PUT(0x48, 0xb8);
    PUT64(&after);
    for (unsigned i = 1; i < 16; i++)
        PUT((uint8_t)(i < 8 ? 0x48 : 0x4c), 0x89, (uint8_t)(0x40 | (i % 8) << 3), (uint8_t)(8 * i));
    PUT(0x9c, 0x8f, 0x80, 0x80, 0, 0, 0, 0xfc); /* pushf; pop 128(%rax); cld */
    memcpy(p, pop, sizeof(pop));
    p += sizeof(pop);
    PUT(0xc3);
    void (*run)(void);
    memcpy(&run, &(void *){page}, sizeof(run));
    run();
}

static const char *current = "";

/*
 * One instruction both ways. `undefined` are flags that the architecture does not define. The
 * instruction lies at page + 512.
 */
static void compare(const struct code *c, struct insn_regs r, uint64_t undefined)
{
    uint8_t expect[DATA], start[DATA];
    struct insn i;
    bool ok = true;
    uint8_t exact[15];

    r.rip = (uint64_t)page + 512;
    memcpy(exact, c->bytes, c->n);
    int rc = insn_decode(exact, c->n, &r, &i);
    ok &= CHECK_EQ(rc, 0);
    if (rc == 0) {
        ok &= CHECK_EQ(i.length, c->n);
        for (unsigned n = 0; n < c->n; n++) {
            struct insn cut;
            ok &= CHECK_EQ(insn_decode(exact, n, &r, &cut), -XEN_EFAULT);
        }
        uint64_t offset = i.addr - (uint64_t)data, old = 0, new_value = 0;
        if (CHECK(offset <= DATA - 8)) {
            memcpy(start, data, DATA);
            memcpy(&old, data + offset, i.width);
            if (i.op == INSN_MOVS)
                memcpy(&i.value, (void *)i.source, i.width);
            struct insn_regs out = r;
            bool write =
                insn_apply(&i, old | (i.width < 8 ? rnd() << (8 * i.width) : 0), &out, &new_value);
            memcpy(expect, data, DATA);
            if (write)
                memcpy(expect + offset, &new_value, i.width);
            execute(c, &r, 512);
            for (unsigned k = 0; k < 16; k++) {
                if (k != INSN_RSP)
                    ok &= CHECK_EQ(out.gpr[k], after.gpr[k]);
            }
            uint64_t flags = (FLAGS | DF) & ~undefined;
            ok &= CHECK_EQ(out.rflags & flags, after.rflags & flags);
            ok &= CHECK_EQ(out.rip, r.rip + c->n);
            ok &= CHECK(memcmp(expect, data, DATA) == 0);
        } else {
            ok = false;
        }
    }
    if (!ok) {
        printf("  %s:", current);
        for (unsigned k = 0; k < c->n; k++)
            printf(" %02x", c->bytes[k]);
        printf("\n");
    }
}

struct kind {
    const char *name;
    bool two_byte;
    uint8_t opcode; /* of the byte form; the others are opcode | 1 unless `only_wide` */
    bool only_wide; /* no byte form, opcode as it is */
    int group;      /* ModRM.reg, or -1: a register */
    uint8_t imm;    /* 0 none, 1 a byte, 4 of the width */
    bool lockable;
    uint64_t undefined;
};

static const struct kind kinds[] = {
    {"add", false, 0x00, false, -1, 0, true, 0},
    {"or", false, 0x08, false, -1, 0, true, UNDEFINED_AF},
    {"adc", false, 0x10, false, -1, 0, true, 0},
    {"sbb", false, 0x18, false, -1, 0, true, 0},
    {"and", false, 0x20, false, -1, 0, true, UNDEFINED_AF},
    {"sub", false, 0x28, false, -1, 0, true, 0},
    {"xor", false, 0x30, false, -1, 0, true, UNDEFINED_AF},
    {"add imm", false, 0x80, false, 0, 4, true, 0},
    {"or imm", false, 0x80, false, 1, 4, true, UNDEFINED_AF},
    {"adc imm", false, 0x80, false, 2, 4, true, 0},
    {"sbb imm", false, 0x80, false, 3, 4, true, 0},
    {"and imm", false, 0x80, false, 4, 4, true, UNDEFINED_AF},
    {"sub imm", false, 0x80, false, 5, 4, true, 0},
    {"xor imm", false, 0x80, false, 6, 4, true, UNDEFINED_AF},
    {"add imm8", false, 0x83, true, 0, 1, true, 0},
    {"and imm8", false, 0x83, true, 4, 1, true, UNDEFINED_AF},
    {"sbb imm8", false, 0x83, true, 3, 1, true, 0},
    {"xchg", false, 0x86, false, -1, 0, true, 0},
    {"mov", false, 0x88, false, -1, 0, false, 0},
    {"mov imm", false, 0xc6, false, 0, 4, false, 0},
    {"not", false, 0xf6, false, 2, 0, true, 0},
    {"neg", false, 0xf6, false, 3, 0, true, 0},
    {"inc", false, 0xfe, false, 0, 0, true, 0},
    {"dec", false, 0xfe, false, 1, 0, true, 0},
    {"cmpxchg", true, 0xb0, false, -1, 0, true, 0},
    {"xadd", true, 0xc0, false, -1, 0, true, 0},
    {"bts", true, 0xab, true, -1, 0, true, 0x894},
    {"btr", true, 0xb3, true, -1, 0, true, 0x894},
    {"btc", true, 0xbb, true, -1, 0, true, 0x894},
    {"bts imm", true, 0xba, true, 5, 1, true, 0x894},
    {"btr imm", true, 0xba, true, 6, 1, true, 0x894},
    {"btc imm", true, 0xba, true, 7, 1, true, 0x894},
};

static struct insn_regs random_regs(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     ~0ull};
    struct insn_regs r = {.gs_base = GS_BASE};

    for (unsigned i = 0; i < 16; i++)
        r.gpr[i] = rnd() % 3 ? rnd() : edges[rnd() % ARRAY_SIZE(edges)];
    r.rflags = (rnd() & FLAGS) | 0x202;
    for (unsigned i = 0; i < DATA; i += 8) {
        uint64_t v = rnd() % 3 ? rnd() : edges[rnd() % ARRAY_SIZE(edges)];
        memcpy(data + i, &v, 8);
    }
    return r;
}

/* ModRM, SIB and displacement for some address within the data; may set registers. */
static void address(struct code *c, unsigned reg, uint8_t *rex, struct insn_regs *r, unsigned form,
                    unsigned keep, unsigned imm_size, uint64_t segment, size_t rex_at)
{
    uint64_t target = (uint64_t)data + 512 + rnd() % 1024;
    unsigned base, index;

    do
        base = (unsigned)rnd() % 16;
    while (base == INSN_RSP || base == keep || base == INSN_RAX);
    do
        index = (unsigned)rnd() % 16;
    while (index == INSN_RSP || index == keep || index == base || index == INSN_RAX);
    if (reg & 8)
        *rex |= 4;
    unsigned modreg = (reg & 7) << 3;
    target -= segment;
    switch (form) {
    case 0: { /* rip-relative */
        uint8_t *end = page + 512 + c->n + 5 + imm_size;
        emit(c, 1, 0x05 | modreg);
        emit(c, 4, target - (uint64_t)end);
        break;
    }
    case 1:
    case 2: { /* base + disp */
        int32_t disp = form == 1 ? (int8_t)rnd() : (int32_t)(rnd() >> 40);
        r->gpr[base] = target - (uint64_t)(int64_t)disp;
        *rex |= base & 8 ? 1 : 0;
        emit(c, 1, (form == 1 ? 0x40u : 0x80u) | modreg | ((base & 7) == 4 ? 4 : base & 7));
        if ((base & 7) == 4)
            emit(c, 1, 0x24);
        emit(c, form == 1 ? 1 : 4, (uint64_t)(int64_t)disp);
        break;
    }
    case 3: /* plain base */
        if ((base & 7) == INSN_RBP || (base & 7) == INSN_RSP)
            base = base & 8 ? 9 : INSN_RSI;
        if (base == keep)
            base = INSN_RDI;
        r->gpr[base] = target;
        *rex |= base & 8 ? 1 : 0;
        emit(c, 1, modreg | (base & 7));
        break;
    default: { /* base + index * scale + disp8; form 5 without base */
        unsigned scale = (unsigned)rnd() % 4;
        int32_t disp = (int8_t)rnd();
        r->gpr[index] = rnd();
        *rex |= (index & 8 ? 2 : 0);
        if (form == 5) {
            disp = (int32_t)rnd() >> 20;
            r->gpr[index] = (target - (uint64_t)(int64_t)disp) >> scale;
            emit(c, 1, 0x04 | modreg);
            emit(c, 1, scale << 6 | (index & 7) << 3 | 5);
            emit(c, 4, (uint64_t)(int64_t)disp);
        } else {
            r->gpr[base] = target - (uint64_t)(int64_t)disp - (r->gpr[index] << scale);
            *rex |= base & 8 ? 1 : 0;
            emit(c, 1, 0x44 | modreg);
            emit(c, 1, scale << 6 | (index & 7) << 3 | (base & 7));
            emit(c, 1, (uint64_t)(int64_t)disp);
        }
    }
    }
    c->bytes[rex_at] |= *rex;
}

static void one_case(const struct kind *k, unsigned width, unsigned form, bool lock, bool gs)
{
    struct insn_regs r = random_regs();
    struct code c = {0};
    uint8_t rex = width == 8 ? 8 : 0;
    unsigned reg = k->group >= 0 ? (unsigned)k->group : (unsigned)rnd() % 16;
    bool cmpxchg = k->two_byte && k->opcode == 0xb0;
    bool far_bit = k->two_byte && k->only_wide && k->group < 0;

    current = k->name;
    if (reg == INSN_RSP && k->group < 0)
        reg = INSN_RDX; /* the harness uses rsp */
    if (lock)
        emit(&c, 1, 0xf0);
    if (gs)
        emit(&c, 1, 0x65);
    if (width == 2)
        emit(&c, 1, 0x66);
    size_t rex_at = c.n;
    emit(&c, 1, 0x40);
    if (k->two_byte)
        emit(&c, 1, 0x0f);
    emit(&c, 1, k->only_wide || width == 1 ? k->opcode : k->opcode | 1u);
    if (far_bit)
        r.gpr[reg] = (rnd() % 2000 - 1000) | (width < 8 ? rnd() << (8 * width) : 0);
    unsigned imm = k->imm == 4 ? (width == 8 ? 4 : width) : k->imm;
    address(&c, reg, &rex, &r, form, k->group >= 0 ? 99 : reg, imm, gs ? r.gs_base : 0, rex_at);
    emit(&c, imm, rnd());
    if (cmpxchg && rnd() % 2) { /* let it succeed */
        struct insn i;
        struct insn_regs at = r;
        at.rip = (uint64_t)page + 512;
        if (insn_decode(c.bytes, c.n, &at, &i) == 0 && i.addr - (uint64_t)data < DATA - 8)
            memcpy(&r.gpr[INSN_RAX], (void *)i.addr, width);
    }
    compare(&c, r, k->undefined);
}

static void test_writes(void)
{
    for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
        for (unsigned w = kinds[k].only_wide ? 2 : 1; w <= 8; w *= 2) {
            for (unsigned form = 0; form < 5; form++) {
                for (unsigned n = 0; n < 12; n++)
                    one_case(&kinds[k], w, form, kinds[k].lockable && n & 1, n % 4 == 3);
            }
        }
    }
}

/* High byte registers, strings, CMPXCHG8B, MOVNTI, absolute address: one by one. */
static void test_odd(void)
{
    for (unsigned n = 0; n < 200; n++) {
        for (unsigned op = 0; op < 4; op++) {
            struct insn_regs r = random_regs();
            static const char *const names[] = {"add high", "xchg high", "xadd high", "mov high"};
            static const uint8_t codes[][2] = {{0x00}, {0x86}, {0x0f, 0xc0}, {0x88}};
            struct code c = {0};
            current = names[op];
            emit(&c, op == 2 ? 2 : 1, codes[op][0] | codes[op][1] << 8);
            emit(&c, 1, 0x06 | (4 + rnd() % 4) << 3); /* ah ch dh bh, (%rsi) */
            r.gpr[INSN_RSI] = (uint64_t)data + 77;
            compare(&c, r, 0);
        }
        for (unsigned w = 1; w <= 8; w *= 2) {
            for (unsigned movs = 0; movs < 2; movs++) {
                struct insn_regs r = random_regs();
                struct code c = {0};
                current = movs ? "movs" : "stos";
                if (n & 1)
                    emit(&c, 1, n & 2 ? 0xf3 : 0xf2);
                if (movs && n % 5 == 0)
                    emit(&c, 1, 0x65);
                if (w == 2)
                    emit(&c, 1, 0x66);
                if (w == 8)
                    emit(&c, 1, 0x48);
                emit(&c, 1, (movs ? 0xa4 : 0xaa) | (w > 1));
                r.gpr[INSN_RCX] = 1;
                r.gpr[INSN_RDI] = (uint64_t)data + 1000 + rnd() % 64;
                r.gpr[INSN_RSI] =
                    (uint64_t)data - (movs && n % 5 == 0 ? GS_BASE : 0) + 300 + rnd() % 64;
                r.rflags |= n & 4 ? DF : 0;
                compare(&c, r, 0);
            }
        }
        struct insn_regs r = random_regs();
        struct code c = {0};
        current = "cmpxchg8b";
        emit(&c, 4, 0x0fc70ff0); /* lock cmpxchg8b (%rdi) */
        r.gpr[INSN_RDI] = (uint64_t)data + 64;
        if (n & 1) {
            r.gpr[INSN_RAX] = load_le32(data + 64) | (n & 2 ? rnd() << 32 : 0);
            r.gpr[INSN_RDX] = load_le32(data + 68);
        }
        compare(&c, r, 0);
        current = "movnti";
        c.n = 0;
        emit(&c, 4, 0x0fc30f48);
        compare(&c, r, 0);
        for (unsigned w = 1; w <= 8; w *= 2) {
            current = "mov to absolute address";
            c.n = 0;
            if (w == 2)
                emit(&c, 1, 0x66);
            if (w == 8)
                emit(&c, 1, 0x48);
            emit(&c, 1, w == 1 ? 0xa2 : 0xa3);
            emit(&c, 8, (uint64_t)data + 99);
            compare(&c, r, 0);
        }
    }
    /* A repeated one stays where it is until its count is used up. */
    struct insn_regs r = random_regs();
    struct insn i;
    uint64_t v;
    r.gpr[INSN_RCX] = 3;
    CHECK_EQ(insn_decode((const uint8_t *)"\xf3\x48\xab", 3, &r, &i), 0);
    uint64_t rip = r.rip, rdi = r.gpr[INSN_RDI];
    for (unsigned n = 1; n <= 3; n++) {
        CHECK(insn_apply(&i, 0, &r, &v) && v == r.gpr[INSN_RAX]);
        CHECK_EQ(r.rip, rip + (n == 3 ? 3 : 0));
        CHECK_EQ(r.gpr[INSN_RDI], rdi + 8 * n);
    }
}

struct listed {
    const char *bytes;
    uint8_t n;
};

/* Each with a reason to think of it. */
static const struct listed refused[] = {
    {"\x67\x89\x03", 3}, /* address size */
    {"\xf0\x89\x03", 3}, /* LOCK MOV */
    {"\xf0\xfa", 2},
    {"\xf3\x0f\x32", 3},
    {"\x89\xc3", 2}, /* no memory operand */
    {"\xf0\x01\xc0", 3},
    {"\x48\x0f\xc7\x0b", 4}, /* CMPXCHG16B */
    {"\x80\x3b\x01", 3},     /* CMP does not write */
    {"\x39\x03", 2},
    {"\xf6\x03\x01", 3}, /* TEST */
    {"\xff\x13", 2},
    {"\xff\x2b", 2}, /* CALL, far JMP */
    {"\x8f\x00", 2},
    {"\x0f\xab\xc0", 3},
    {"\x0f\xba\x20\x01", 4}, /* BT */
    {"\x0f\x01\x10", 3},
    {"\x0f\x01\xf8", 3}, /* LGDT, SWAPGS */
    {"\x0f\x01\x30", 3}, /* LMSW of memory */
    {"\x0f\x0b", 2},
    {"\x0f\x0bxem\x0f\xa2", 7},
    {"\x66\x0f\x0bxen\x0f\xa2", 8},
    {"\x0f\x05", 2},
    {"\x0f\x11\x03", 3},
    {"\xc7\xf8\0\0\0\0", 6},
    {"\xcd\x80", 2},
    {"\xcf", 1},
    {"\x0f\x0f\x00\x00", 4},
    /* Privileged ones are privop.c's. */
    {"\xe4\x61", 2},
    {"\xe5\x61", 2},
    {"\x66\xe7\x80", 3},
    {"\xec", 1},
    {"\x66\xed", 2},
    {"\xed", 1},
    {"\x48\xed", 2},
    {"\xee", 1},
    {"\xef", 1},
    {"\x6c", 1},
    {"\xf3\x6d", 2},
    {"\xf3\x66\x6f", 3},
    {"\xfa", 1},
    {"\xfb", 1},
    {"\xf4", 1},
    {"\x0f\x32", 2},
    {"\x0f\x30", 2},
    {"\x0f\x31", 2},
    {"\x0f\x33", 2},
    {"\x0f\x01\xf9", 3},
    {"\x0f\x01\xd1", 3},
    {"\x0f\xa2", 2},
    {"\x0f\x0bxen\x0f\xa2", 7},
    {"\x0f\x20\xc0", 3},
    {"\x41\x0f\x22\xe1", 4},
    {"\x0f\x21\xf8", 3},
    {"\x0f\x23\xf8", 3},
    {"\x0f\x06", 2},
    {"\x0f\x01\xf0", 3},
    {"\x0f\x01\xe0", 3},
    {"\x0f\x09", 2},
    {"\x0f\x08", 2},
    {"\x0f\x01\x38", 3},
    {"\x41\x0f\x01\x7c\x24\x08", 6},
    {"\x0f\x38\xf1\x03", 4},
    {"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 16},
    {"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xc7\x03", 16},
};

static void test_lists(void)
{
    struct insn_regs r = random_regs();
    struct insn i;

    r.gpr[INSN_RCX] = 5;
    for (unsigned k = 0; k < ARRAY_SIZE(refused); k++) {
        const uint8_t *b = (const uint8_t *)refused[k].bytes;
        if (!CHECK(insn_decode(b, refused[k].n, &r, &i) != 0))
            printf("  refused %u\n", k);
    }

    /* The page-table writes of a Debian kernel (xen-abi-trace.md 9.5). */
    CHECK_EQ(insn_decode((const uint8_t *)"\xf0\x41\x80\x24\x24\xfd", 6, &r, &i), 0);
    CHECK(i.op == INSN_AND && i.width == 1 && i.lock && i.addr == r.gpr[12] && i.value == 0xfd);
    CHECK_EQ(insn_decode((const uint8_t *)"\x3e\x41\x80\x24\x24\xfd", 6, &r, &i), 0);
    CHECK(i.op == INSN_AND && !i.lock && i.length == 6);
    CHECK_EQ(insn_decode((const uint8_t *)"\x48\x89\x2b", 3, &r, &i), 0);
    CHECK(i.op == INSN_MOV && i.width == 8 && i.addr == r.gpr[INSN_RBX] &&
          i.value == r.gpr[INSN_RBP]);
    CHECK_EQ(insn_decode((const uint8_t *)"\x48\x87\x75\0", 4, &r, &i), 0);
    CHECK(i.op == INSN_XCHG && i.addr == r.gpr[INSN_RBP] && i.reg == INSN_RSI);
    CHECK_EQ(insn_decode((const uint8_t *)"\x48\x89\x44\x24\x10", 5, &r, &i), 0);
    CHECK_EQ(i.addr, r.gpr[INSN_RSP] + 16);
}

/* Noise never reads beyond its bytes, nor claims to be longer than they are. */
static void test_noise(void)
{
    for (unsigned round = 0; round < 300000; round++) {
        struct insn_regs r = {.gs_base = rnd(), .fs_base = rnd(), .rip = rnd(), .rflags = rnd()};
        static const uint8_t starts[] = {0x0f, 0x48, 0xf0, 0x66, 0x65, 0x80, 0xf3, 0x41};
        size_t n = rnd() % 17;
        uint8_t *b = malloc(n ? n : 1);
        struct insn i;
        for (unsigned k = 0; k < 16; k++)
            r.gpr[k] = rnd();
        for (size_t k = 0; k < n; k++)
            b[k] = k < 3 && rnd() % 2 ? starts[rnd() % 8] : (uint8_t)rnd();
        int rc = insn_decode(b, n, &r, &i);
        if (rc == 0) {
            uint64_t v;
            CHECK(i.length <= n && i.length <= INSN_LENGTH_MAX);
            (void)!insn_apply(&i, rnd(), &r, &v);
        } else {
            CHECK(rc == -XEN_EOPNOTSUPP || (rc == -XEN_EFAULT && n < INSN_LENGTH_MAX));
        }
        free(b);
    }
}

int main(void)
{
    page = mmap(NULL, CODE + DATA, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    if (page == MAP_FAILED)
        return 77;
    data = page + CODE;
    syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
    test_lists();
    test_writes();
    test_odd();
    test_noise();
    return check_result();
}
