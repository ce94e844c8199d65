/* Guest registers: the ABI's form of them, debug registers, CR4. */
#include "x86/pv/regs.h"

#include "port/guestmem.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/ctxsw.h"
#include "x86/pv/bounce.h"

/* The 64-bit registers: where each is in the ABI's struct and in ours. */
static const struct {
    uint8_t abi, ours;
} both[] = {
#define BOTH(name)                                                                                 \
    {                                                                                              \
        offsetof(struct cpu_user_regs, name), offsetof(struct guest_regs, name)                    \
    }
    BOTH(r15), BOTH(r14), BOTH(r13), BOTH(r12), BOTH(rbp),    BOTH(rbx),
    BOTH(r11), BOTH(r10), BOTH(r9),  BOTH(r8),  BOTH(rax),    BOTH(rcx),
    BOTH(rdx), BOTH(rsi), BOTH(rdi), BOTH(rip), BOTH(rflags), BOTH(rsp)};

void regs_from_abi(struct guest_regs *r, const struct cpu_user_regs *u)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(both); i++)
        *(uint64_t *)((char *)r + both[i].ours) =
            *(const uint64_t *)((const char *)u + both[i].abi);
    r->cs = u->cs;
    r->ss = u->ss;
}

void regs_to_abi(struct cpu_user_regs *u, const struct guest_regs *r)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(both); i++)
        *(uint64_t *)((char *)u + both[i].abi) =
            *(const uint64_t *)((const char *)r + both[i].ours);
    u->cs = (uint16_t)r->cs;
    u->ss = (uint16_t)r->ss;
}

uint64_t pv_cr4(const struct vcpu *v)
{
    return CR4_PAE | CR4_MCE | CR4_FXSR | CR4_XMM | v->arch.cr4;
}

void pv_load_cr4(const struct vcpu *v)
{
    struct percpu *pc = this_percpu();
    uint64_t cr4 = (cpu_cr4 & ~(CR4_FSGSBASE | CR4_TSD)) | (v->arch.cr4 & (CR4_FSGSBASE | CR4_TSD));

    if (cr4 == pc->cr4)
        return;
    pc->cr4 = cr4;
    write_cr4(cr4);
}

uint64_t pv_own_cr4(uint64_t value)
{
    return value & (CR4_TSD | CR4_DE | (cpu_has_fsgsbase ? CR4_FSGSBASE : 0) |
                    (cpu_has_xsave ? CR4_XSAVE : 0));
}

bool pv_set_cr4(struct vcpu *v, uint64_t value)
{
    v->arch.cr4 = pv_own_cr4(value);
    pv_load_cr4(v);
    return true;
}

#define DR7_RESERVED_ZERO  (~0xffffffffUL | 0xd800) /* bits 11, 12, 14, 15, 32-63 */
#define DR7_GENERAL_DETECT 0x2000

static int set_dr7(struct vcpu *v, uint64_t value)
{
    value = (value & ~DR7_RESERVED_ZERO & ~(uint64_t)DR7_GENERAL_DETECT) | 0x400;
    /* I/O breakpoints would need CR4.DE in the guest's hands: refused where set. */
    for (unsigned int i = 0; i < 4; i++)
        if ((value >> (16 + 4 * i) & 3) == 2)
            return -XEN_EPERM;
    v->arch.dr7 = value;
    if (v == current_vcpu()) {
        if (value & 0xff)
            x86_load_breakpoints(v);
        else
            __asm__ volatile("mov %0, %%dr7" ::"r"(0x400ul));
    }
    return 0;
}

int pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value)
{
    bool live = v == current_vcpu() && (v->arch.dr7 & 0xff);

    if (reg < 4) {
        /* Not in the hypervisor, where it would trap at any privilege (checklist B10). */
        if (!gaddr_ok(value, 8))
            return -XEN_EPERM;
        v->arch.dr[reg] = value;
        return live ? set_dr7(v, v->arch.dr7) : 0;
    }
    switch (reg) {
    case 6:
        v->arch.dr6 = (value & 0xe00f) | 0xffff0ff0;
        if (v == current_vcpu())
            __asm__ volatile("mov %0, %%dr6" ::"r"(v->arch.dr6));
        return 0;
    case 7:
        return set_dr7(v, value);
    default:
        return -XEN_EINVAL;
    }
}
