/* Further vCPUs: bring-up, and giving them work. */
#include "pvk.h"

struct vcpu_area vcpu_areas[MAX_VCPUS];
static bool started[MAX_VCPUS];

void ap_start(void);
void vcpu_main(void);

unsigned int vcpus_allowed(void)
{
    unsigned int n = 0;
    while (n < MAX_VCPUS && HC(__HYPERVISOR_vcpu_op, VCPUOP_is_up, n, 0) >= 0)
        n++;
    return n;
}

void vcpu_context(unsigned int id, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel;
    c->user_regs.rip = U(ap_start);
    c->user_regs.rsp = U(&vcpu_areas[id]) + MAIN_STACK_TOP;
    c->user_regs.rflags = 0;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = U(&vcpu_areas[id]) + USER_ENTRY_STACK_TOP;
    c->ctrlreg[3] = va_to_maddr(kernel_l4);
    c->event_callback_eip = U(entry_event);
    c->failsafe_callback_eip = U(entry_failsafe);
    c->syscall_callback_eip = U(entry_syscall);
    c->flags |= VGCF_failsafe_disables_events | VGCF_syscall_disables_events;
    for (const struct trap_info *t = traps_table(); t->address; t++)
        c->trap_ctxt[t->vector] = *t;
}

long vcpu_start(unsigned int id)
{
    static struct vcpu_guest_context context;

    if (started[id])
        return 0;
    vcpu_areas[id].cpu.id = id;
    vcpu_context(id, &context);
    long rc = HC(__HYPERVISOR_vcpu_op, VCPUOP_initialise, id, &context);
    if (!rc)
        rc = HC(__HYPERVISOR_vcpu_op, VCPUOP_up, id, 0);
    if (!rc)
        started[id] = true;
    return rc;
}

void vcpu_main(void)
{
    struct cpu *cpu = this_cpu();

    for (;;) {
        while (cpu->work_done == cpu->work_given)
            HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        cpu->work(cpu->work_argument);
        cpu->work_done++;
    }
}

void vcpu_give(unsigned int id, void (*work)(void *), void *argument)
{
    struct cpu *cpu = &vcpu_areas[id].cpu;

    cpu->work = work;
    cpu->work_argument = argument;
    __atomic_store_n(&cpu->work_given, cpu->work_given + 1, __ATOMIC_RELEASE);
}

void vcpu_wait(unsigned int id)
{
    struct cpu *cpu = &vcpu_areas[id].cpu;
    while (cpu->work_done != cpu->work_given)
        HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}
