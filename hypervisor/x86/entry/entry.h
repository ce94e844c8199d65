/* What entry.S and C know of each other. */
#ifndef X86_ENTRY_ENTRY_H
#define X86_ENTRY_ENTRY_H

#include "x86/port_vcpu.h"

/* How to go back to the guest: what the functions below return to entry.S. By SYSRET, rcx and r11
 * of the guest become rip and rflags, and cs, ss are the flat 64-bit ones. A quick way out leaves
 * rbx, rbp, r12-r15 as C has kept them: only for who has not changed them in the frame, nor the
 * vcpu. */
enum { LEAVE_QUICK_SYSRET, LEAVE_QUICK_IRET, LEAVE_IRET, LEAVE_SYSRET };

/* Called by entry.S with the frame at the top of this CPU's stack. */
int x86_user_syscall(struct vcpu *v, struct guest_regs *r);
int x86_hypercall_iret(struct vcpu *v, struct guest_regs *r);
int x86_syscall32(struct guest_regs *r);
int x86_sysenter(struct guest_regs *r);
int x86_trap(struct guest_regs *r);
int x86_page_fault(struct guest_regs *r);
int x86_interrupt(struct guest_regs *r);

/* The same from the hypervisor itself; the frame lies wherever the stack was. */
void x86_trap_hv(struct guest_regs *r);
void x86_interrupt_hv(struct guest_regs *r);

_Noreturn void resume_guest(int leave);
_Noreturn void run_on_stack(void (*fn)(void));

extern const uint64_t exception_table[32];
extern const char interrupt_stubs[], syscall_stubs[], entry_syscall[], entry_syscall32[],
    entry_sysenter[], guest_iret[], iret_done[];
#define STUB_SIZE 64
#define STUB_JUMP 14 /* offset of the jump in a stub */

static inline struct guest_regs *guest_frame(void)
{
    uintptr_t block;

    __asm__("mov %%rsp, %0" : "=r"(block));
    return (struct guest_regs *)((block & ~(uintptr_t)(PERCPU_STRIDE - 1)) + STACK_TOP) - 1;
}

/* The block of the CPU at whose stack's top r is. */
static inline struct percpu *frame_percpu(struct guest_regs *r)
{
    return (struct percpu *)((char *)(r + 1) - STACK_TOP + PERCPU_DATA);
}

/* A page fault that is not simply the guest's own: handed on by x86_page_fault(). */
int x86_odd_page_fault(struct vcpu *v, struct guest_regs *r, uint64_t address);

/* The last steps before a guest runs: pending work, then events. Never quick. */
int x86_leave(struct guest_regs *r);
/* The same where only an event can be pending, after a hypercall. */
int x86_leave_event(struct guest_regs *r);

#endif
