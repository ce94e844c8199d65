/* Guest registers in the ABI's form, and the register values that every PV guest believes in. */
#ifndef X86_PV_REGS_H
#define X86_PV_REGS_H

#include "core/dom/domain.h"
#include "core/insn/insn.h"

#define PV_CR0 0x80050033ul /* PG AM WP NE ET MP PE: what Xen 4.17 shows */
#define PV_VM_ASSISTS                                                                              \
    (1u << VMASST_TYPE_4gb_segments | 1u << VMASST_TYPE_4gb_segments_notify |                      \
     1u << VMASST_TYPE_writable_pagetables | 1u << VMASST_TYPE_pae_extended_cr3 |                  \
     1u << VMASST_TYPE_architectural_iopl | 1u << VMASST_TYPE_runstate_update_flag)

/* General register n in the order of its encoding. */
static inline uint64_t *guest_reg(struct guest_regs *r, unsigned int n)
{
    static const uint8_t offset[16] = {
#define AT(name) offsetof(struct guest_regs, name) / 8
        AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi),
        AT(r8),  AT(r9),  AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
#undef AT
    };

    return (uint64_t *)r + offset[n];
}

void regs_from_abi(struct guest_regs *r, const struct cpu_user_regs *u);
void regs_to_abi(struct cpu_user_regs *u, const struct guest_regs *r);

/* CR4 as the guest reads it. */
uint64_t pv_cr4(const struct vcpu *v);
/* Those bits of a CR4 that a guest may choose. */
uint64_t pv_own_cr4(uint64_t value);

/* Makes the CPU's CR4 what v is to run with. */
void pv_load_cr4(const struct vcpu *v);
/* MOV to CR4 by the running vcpu: bits that it may not change must be as it reads them. */
bool pv_set_cr4(struct vcpu *v, uint64_t value);

/* After #GP with error code 0: emulates the instruction at r->rip. False: the guest gets its
 * #GP. */
bool pv_emulate(struct vcpu *v, struct guest_regs *r);
/* After #UD: `ud2; .ascii "xen"; cpuid` gives the policy's CPUID. False: not that. */
bool pv_forced_cpuid(struct vcpu *v, struct guest_regs *r);

/* A write fault of dom0's kernel at va that is one to ECAM, done or dropped; regs as after it. */
bool pv_ecam_write(struct vcpu *v, struct insn_regs *regs, uint64_t va);

/* Debug register reg (0-3, 6, 7) of v, running here or not at all. -XEN_EINVAL, -XEN_EPERM. */
int pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value);

#endif
