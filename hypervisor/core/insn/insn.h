/* Decodes the 64-bit instructions that a PV guest makes us carry out after a write fault on a page
 * table. A white list: everything else is refused. Pure: bytes and registers in, a description out.
 * (Privileged instructions need no memory operands: x86/pv/privop.c does those.)
 *
 *   insn_decode(bytes, n, &regs, &insn);
 *   old = insn.width bytes at insn.addr (for MOVS also insn.value = those at insn.source)
 *   write = insn_apply(&insn, old, &regs, &new)    -- regs, flags and rip as after it
 *   if (write) put new at insn.addr -- by compare-exchange with old; if that fails, all again with
 *                                      the registers as they were */
#ifndef CORE_INSN_INSN_H
#define CORE_INSN_INSN_H

#include "abi/abi.h"
#include "base/bits.h"

enum { INSN_LENGTH_MAX = 15 };

enum insn_op {
    INSN_REFUSED,
    INSN_MOV,
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
    uint64_t addr;   /* linear address of the memory operand; not checked in any way */
    uint64_t source; /* MOVS: of the element that is read */
    uint64_t value;  /* source operand, zero-extended from width; BTx: the bit's number */
};

/* Returns 0; -XEN_EOPNOTSUPP: not a write that we carry out; -XEN_EFAULT: it goes on behind the n
 * bytes (fewer than INSN_LENGTH_MAX) that there are. */
NODISCARD int insn_decode(const uint8_t *bytes, size_t n, const struct insn_regs *regs,
                          struct insn *insn);

/* Carries out a write: from the old contents of the operand gives the new ones, and sets registers,
 * flags and rip (of a repeated one that is not at its end, rip stays). Bits of `old` above the
 * width are ignored. Returns false if memory stays as it is (CMPXCHG that found another value).
 * Flags that the architecture leaves undefined keep their values. */
NODISCARD bool insn_apply(const struct insn *insn, uint64_t old, struct insn_regs *regs,
                          uint64_t *new_value);

#endif
