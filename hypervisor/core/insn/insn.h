/*
 * Decodes the 64-bit instructions that a PV guest makes us carry out: privileged ones after #GP
 * or #UD, and writes to memory after a write fault on a page table. A white list: everything else
 * is refused. Pure: bytes and registers in, a description out.
 *
 *   insn_decode(INSN_WRITES, bytes, n, &regs, &insn);
 *   old = insn.width bytes at insn.addr (for MOVS also insn.value = those at insn.source)
 *   write = insn_apply(&insn, old, &regs, &new)    -- regs, flags and rip as after it
 *   if (write) put new at insn.addr -- by compare-exchange with old; if that fails, all again with
 *                                      the registers as they were
 */
#ifndef CORE_INSN_INSN_H
#define CORE_INSN_INSN_H

#include "abi/abi.h"
#include "base/bits.h"

enum { INSN_LENGTH_MAX = 15 };

enum insn_op {
    INSN_REFUSED,
    /* Privileged. What is done with the fields that are named is the caller's part. */
    INSN_IN,
    INSN_OUT, /* port, width; OUT: value; IN: insn_set_reg() the result */
    INSN_INS,
    INSN_OUTS, /* port, width, addr; one element */
    INSN_CLI,
    INSN_STI,
    INSN_HLT,
    INSN_RDMSR,
    INSN_WRMSR,
    INSN_RDTSC,
    INSN_RDTSCP,
    INSN_RDPMC,
    INSN_CPUID,
    INSN_CPUID_FORCED, /* ud2; .ascii "xen"; cpuid -- rip is that of the ud2 */
    INSN_XSETBV,
    INSN_MOV_FROM_CR,
    INSN_MOV_TO_CR, /* special: which CR; TO: value; FROM: insn_set_reg() */
    INSN_MOV_FROM_DR,
    INSN_MOV_TO_DR,
    INSN_CLTS,
    INSN_LMSW,
    INSN_SMSW, /* LMSW: value; SMSW: insn_set_reg(); registers only */
    INSN_WBINVD,
    INSN_INVD,
    INSN_INVLPG, /* addr */
    /* Writes to memory at addr. */
    INSN_FIRST_WRITE,
    INSN_MOV = INSN_FIRST_WRITE,
    INSN_XCHG,
    INSN_ADD,
    INSN_OR,
    INSN_ADC,
    INSN_SBB,
    INSN_AND,
    INSN_SUB,
    INSN_XOR,
    INSN_NOT,
    INSN_NEG,
    INSN_INC,
    INSN_DEC,
    INSN_BTS,
    INSN_BTR,
    INSN_BTC,
    INSN_XADD,
    INSN_CMPXCHG,
    INSN_CMPXCHG8B,
    INSN_STOS,
    INSN_MOVS, /* one element */
};

/* General registers in the order of their encoding: rax rcx rdx rbx rsp rbp rsi rdi r8 ... r15. */
enum { INSN_RAX, INSN_RCX, INSN_RDX, INSN_RBX, INSN_RSP, INSN_RBP, INSN_RSI, INSN_RDI };

struct insn_regs {
    uint64_t gpr[16];
    uint64_t rip, rflags;
    uint64_t fs_base, gs_base;
};

struct insn {
    enum insn_op op;
    uint8_t length;
    uint8_t width;   /* of the operand, in bytes: 1, 2, 4 or 8 */
    bool lock;       /* XCHG is atomic without it, too */
    bool rep;        /* string instruction with a count in rcx, which is not 0 */
    uint8_t reg;     /* register operand, as encoded */
    bool high_byte;  /* it is AH, CH, DH or BH of registers 0..3 instead */
    uint8_t special; /* number of the control or debug register */
    uint16_t port;
    uint64_t addr;   /* linear address of the memory operand; not checked in any way */
    uint64_t source; /* MOVS: of the element that is read */
    uint64_t value;  /* source operand, zero-extended from width; BTx: the bit's number */
};

enum insn_class { INSN_PRIVILEGED, INSN_WRITES };

/*
 * Returns 0; -XEN_EOPNOTSUPP: not one of that class that we carry out; -XEN_EFAULT: it goes on
 * behind the n bytes (fewer than INSN_LENGTH_MAX) that there are.
 */
NODISCARD int insn_decode(enum insn_class class, const uint8_t *bytes, size_t n,
                          const struct insn_regs *regs, struct insn *insn);

/*
 * Carries out a write: from the old contents of the operand gives the new ones, and sets registers,
 * flags and rip (of a repeated one that is not at its end, rip stays). Bits of `old` above the
 * width are ignored. Returns false if memory stays as it is (CMPXCHG that found another value).
 * Flags that the architecture leaves undefined keep their values.
 */
NODISCARD bool insn_apply(const struct insn *insn, uint64_t old, struct insn_regs *regs,
                          uint64_t *new_value);

/* For privileged ones: puts a result into the register operand, as wide as the operand is. */
void insn_set_reg(const struct insn *insn, struct insn_regs *regs, uint64_t value);

/* For privileged ones, when done: rip, and for INS and OUTS rsi or rdi, and rcx. */
void insn_finish(const struct insn *insn, struct insn_regs *regs);

#endif
