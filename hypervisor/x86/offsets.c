/* Numbers that assembler needs from C: the build compiles this to assembler text and turns each
 * "=>NAME value" line into a #define in offsets.h. */
#include "core/dom/domain.h"
#include "port/clock.h"
#include "x86/entry/entry.h"
#include "x86/percpu.h"

#define NUMBER(name, value) __asm__("=>" #name " %c0" ::"i"(value))
#define REG(name, field)    NUMBER(name, offsetof(struct guest_regs, field))

void offsets(void);

void offsets(void)
{
    REG(REGS_R11, r11);
    REG(REGS_RAX, rax);
    REG(REGS_R9, r9);
    REG(REGS_ARG, rdi);
    REG(REGS_ERROR, error_code);
    REG(REGS_ENTRY, entry);
    REG(REGS_RIP, rip);
    REG(REGS_CS, cs);
    REG(REGS_RFLAGS, rflags);
    REG(REGS_RSP, rsp);
    NUMBER(REGS_SIZE, sizeof(struct guest_regs));
    NUMBER(PERCPU_SCRATCH, offsetof(struct percpu, scratch));
    NUMBER(PERCPU_CR3, offsetof(struct percpu, cr3));
    NUMBER(PERCPU_CURRENT, offsetof(struct percpu, current));
    NUMBER(PERCPU_ROOT, offsetof(struct percpu, root));
    NUMBER(PERCPU_ROOT_VCPU, offsetof(struct percpu, root_vcpu));
    NUMBER(PERCPU_ROOT_L4, offsetof(struct percpu, root_l4));
    NUMBER(PERCPU_DISTRUST, offsetof(struct percpu, distrust));
    NUMBER(PERCPU_NUMBER, offsetof(struct percpu, cpu));
    NUMBER(PERCPU_WORK, offsetof(struct percpu, work));
    NUMBER(VCPU_IN_KERNEL, offsetof(struct vcpu, arch.in_kernel));
    NUMBER(VCPU_INFO, offsetof(struct vcpu, info));
    NUMBER(INFO_PENDING, offsetof(struct vcpu_info, evtchn_upcall_pending));
    NUMBER(INFO_MASK, offsetof(struct vcpu_info, evtchn_upcall_mask));
    NUMBER(HYPERCALL_IRET, __HYPERVISOR_iret);
    NUMBER(HC_AGAIN, HC_AGAIN);
    NUMBER(LEAVE_IRET, LEAVE_IRET);
    NUMBER(LEAVE_QUICK_IRET, LEAVE_QUICK_IRET);
}
