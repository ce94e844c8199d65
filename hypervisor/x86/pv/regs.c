/* Guest registers: the ABI's form of them, debug registers, CR4. */
#include "x86/pv/regs.h"

#include "port/guestmem.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/pv/bounce.h"

void regs_from_abi(struct guest_regs *r, const struct cpu_user_regs *u)
{
    r->r15 = u->r15;
    r->r14 = u->r14;
    r->r13 = u->r13;
    r->r12 = u->r12;
    r->rbp = u->rbp;
    r->rbx = u->rbx;
    r->r11 = u->r11;
    r->r10 = u->r10;
    r->r9 = u->r9;
    r->r8 = u->r8;
    r->rax = u->rax;
    r->rcx = u->rcx;
    r->rdx = u->rdx;
    r->rsi = u->rsi;
    r->rdi = u->rdi;
    r->rip = u->rip;
    r->rflags = u->rflags;
    r->rsp = u->rsp;
    r->cs = u->cs;
    r->ss = u->ss;
}

void regs_to_abi(struct cpu_user_regs *u, const struct guest_regs *r)
{
    u->r15 = r->r15;
    u->r14 = r->r14;
    u->r13 = r->r13;
    u->r12 = r->r12;
    u->rbp = r->rbp;
    u->rbx = r->rbx;
    u->r11 = r->r11;
    u->r10 = r->r10;
    u->r9 = r->r9;
    u->r8 = r->r8;
    u->rax = r->rax;
    u->rcx = r->rcx;
    u->rdx = r->rdx;
    u->rsi = r->rsi;
    u->rdi = r->rdi;
    u->rip = r->rip;
    u->rflags = r->rflags;
    u->rsp = r->rsp;
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
        if (value & 0xff) {
            __asm__ volatile("mov %0, %%dr0" ::"r"(v->arch.dr[0]));
            __asm__ volatile("mov %0, %%dr1" ::"r"(v->arch.dr[1]));
            __asm__ volatile("mov %0, %%dr2" ::"r"(v->arch.dr[2]));
            __asm__ volatile("mov %0, %%dr3" ::"r"(v->arch.dr[3]));
        }
        __asm__ volatile("mov %0, %%dr7" ::"r"(value & 0xff ? value : 0x400));
    }
    return 0;
}

int pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value)
{
    bool live = v == current_vcpu() && (v->arch.dr7 & 0xff);

    switch (reg) {
    case 0:
    case 1:
    case 2:
    case 3:
        /* Not in the hypervisor, where it would trap at any privilege (checklist B10). */
        if (!gaddr_ok(value, 8))
            return -XEN_EPERM;
        v->arch.dr[reg] = value;
        if (live)
            return set_dr7(v, v->arch.dr7);
        return 0;
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
