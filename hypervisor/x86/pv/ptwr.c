/* A write fault on a page table: the guest's registers to and from the form the decoder knows. */
#include "core/insn/insn.h"
#include "core/pgtype/pgtype.h"
#include "x86/port_vcpu.h"

bool ptwr_fault(struct vcpu *v, struct guest_regs *r, uint64_t va)
{
    struct insn_regs i = {
        .gpr = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi, r->r8, r->r9,
                r->r10, r->r11, r->r12, r->r13, r->r14, r->r15},
        .rip = r->rip,
        .rflags = r->rflags,
        .fs_base = v->arch.fs_base,
        .gs_base = v->arch.gs_kernel,
    };

    if (!pgt_write_fault(v, &i, va))
        return false;
    r->rax = i.gpr[0];
    r->rcx = i.gpr[1];
    r->rdx = i.gpr[2];
    r->rbx = i.gpr[3];
    r->rsp = i.gpr[4];
    r->rbp = i.gpr[5];
    r->rsi = i.gpr[6];
    r->rdi = i.gpr[7];
    r->r8 = i.gpr[8];
    r->r9 = i.gpr[9];
    r->r10 = i.gpr[10];
    r->r11 = i.gpr[11];
    r->r12 = i.gpr[12];
    r->r13 = i.gpr[13];
    r->r14 = i.gpr[14];
    r->r15 = i.gpr[15];
    r->rip = i.rip;
    r->rflags = i.rflags;
    return true;
}
