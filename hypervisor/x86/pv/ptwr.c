/* Write faults on page tables, with the guest's registers.
 *
 * Nearly all come from three forms: MOV and XCHG of a 64-bit register, and AND of a byte with an
 * immediate, each in a few bytes. These are recognised here; all else goes to the decoder. The
 * address is the one that faulted: should another vcpu have changed the instruction meanwhile, then
 * what is done is still an update that the guest may ask for. */
#include "abi/abi.h"
#include "core/insn/insn.h"
#include "core/pgtype/pgtype.h"
#include "port/guestmem.h"
#include "x86/asm.h"
#include "x86/pv/regs.h"

#define FLAGS_ARITHMETIC 0x8d5u /* CF PF AF ZF SF OF */

/* Bytes of ModRM and what it brings along, of a memory operand; 0: a register, or RIP-relative. */
static unsigned int operand_length(uint64_t code)
{
    unsigned int mod = code >> 6 & 3, rm = code & 7, n = 1;

    if (mod == 3)
        return 0;
    if (rm == 4) {
        n = 2;
        if (!mod && (code >> 8 & 7) == 5)
            return 0;
    } else if (!mod && rm == 5) {
        return 0;
    }
    return n + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

/* MOV or XCHG of a 64-bit register: code begins at the opcode. */
static bool whole_entry(struct vcpu *v, struct guest_regs *r, uint64_t va, uint64_t code,
                        unsigned int rex, unsigned int before)
{
    unsigned int n = operand_length(code >> 8);
    uint64_t *source = guest_reg(r, (code >> 11 & 7) | (rex & 4) << 1), old;

    if (!n || before + 1 + n > 8 || (va & 7) || !pgt_write_masked(v, va, 0, *source, &old))
        return false;
    if ((code & 0xff) == 0x87)
        *source = old;
    r->rip += before + 1 + n;
    return true;
}

/* AND of a byte with an immediate. */
static bool and_byte(struct vcpu *v, struct guest_regs *r, uint64_t va, uint64_t code,
                     unsigned int before)
{
    unsigned int n = operand_length(code >> 8), shift = (va & 7) * 8;
    uint64_t old;

    if (!n || before + 2 + n > 8)
        return false;
    uint8_t with = (uint8_t)(code >> 8 * (n + 1));
    if (!pgt_write_masked(v, va & ~7ul, ~((uint64_t)(uint8_t)~with << shift), 0, &old))
        return false;
    uint8_t result = (uint8_t)(old >> shift) & with;
    r->rflags &= ~(uint64_t)FLAGS_ARITHMETIC;
    r->rflags |= (result ? 0 : 0x40) | (result & 0x80) | (__builtin_parity(result) ? 0 : 4);
    r->rip += before + 2 + n;
    return true;
}

static bool common_form(struct vcpu *v, struct guest_regs *r, uint64_t va)
{
    unsigned int before = 0, rex = 0;
    uint64_t code;

    if (guest_read64(&code, r->rip))
        return false;
    if ((uint8_t)code == 0xf0 || (uint8_t)code == 0x3e) {
        code >>= 8;
        before = 1;
    }
    if ((code & 0xf0) == 0x40) {
        rex = code & 0xf;
        code >>= 8;
        before++;
    }
    if ((rex & 8) && ((uint8_t)code == 0x89 || (uint8_t)code == 0x87))
        return whole_entry(v, r, va, code, rex, before);
    if ((uint8_t)code == 0x80 && (code >> 11 & 7) == 4)
        return and_byte(v, r, va, code, before);
    return false;
}

static __attribute__((noinline)) bool any_form(struct vcpu *v, struct guest_regs *r, uint64_t va)
{
    struct insn_regs i = {
        .rip = r->rip,
        .rflags = r->rflags,
        .fs_base = v->arch.fs_base,
        .gs_base = v->arch.gs_kernel,
    };

    for (unsigned int n = 0; n < 16; n++)
        i.gpr[n] = *guest_reg(r, n);
    if (!pgt_write_fault(v, &i, va) && !pv_ecam_write(v, &i, va))
        return false;
    for (unsigned int n = 0; n < 16; n++)
        *guest_reg(r, n) = i.gpr[n];
    r->rip = i.rip;
    r->rflags = i.rflags;
    return true;
}

bool ptwr_fault(struct vcpu *v, struct guest_regs *r, uint64_t va)
{
    if (unlikely(!gaddr_ok(va, 8)))
        return false;
    return likely(common_form(v, r, va)) || any_form(v, r, va);
}
