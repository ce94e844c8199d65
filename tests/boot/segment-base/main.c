/*
 * Property: FS and GS bases by hypercall and by MSR, for kernel and user mode, and stack_switch.
 */
#include "pvk.h"

#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

static uint64_t rdmsr(uint32_t msr)
{
    uint32_t low = 0, high = 0;
    PROBE("rdmsr", : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
    PROBE("wrmsr", : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static long base(unsigned int which, uint64_t value)
{
    return HC(__HYPERVISOR_set_segment_base, which, value);
}

static void run(void)
{
    static uint64_t words[2] = {0xf5, 0x65};
    uint64_t seen;

    say("FS: %s", rc_name(base(SEGBASE_FS, U(&words[0]))));
    __asm__ volatile("mov %%fs:0, %0" : "=r"(seen));
    say("fs:0 reads %lx, MSR right %d", seen, rdmsr(MSR_FS_BASE) == U(&words[0]));
    say("GS of the kernel: %s", rc_name(base(SEGBASE_GS_KERNEL, U(&words[1]))));
    __asm__ volatile("mov %%gs:0, %0" : "=r"(seen));
    say("gs:0 reads %lx, MSR right %d", seen, rdmsr(MSR_GS_BASE) == U(&words[1]));
    say("GS of the user: %s", rc_name(base(SEGBASE_GS_USER, 0x123456)));
    say("MSR KERNEL_GS_BASE %lx", rdmsr(MSR_KERNEL_GS_BASE));
    say("GS of the user by selector 0: %s", rc_name(base(SEGBASE_GS_USER_SEL, 0)));
    say("GS of the user by a selector of nothing: %s", rc_name(base(SEGBASE_GS_USER_SEL, 0x1233)));
    note("MSR KERNEL_GS_BASE %lx", rdmsr(MSR_KERNEL_GS_BASE));
    say("unknown base: %s", rc_name(base(4, 0)));
    say("FS non-canonical: %s", rc_name(base(SEGBASE_FS, NONCANONICAL_POINTER)));
    say("GS kernel non-canonical: %s", rc_name(base(SEGBASE_GS_KERNEL, NONCANONICAL_POINTER)));
    say("GS user non-canonical: %s", rc_name(base(SEGBASE_GS_USER, NONCANONICAL_POINTER)));
    say("FS in the hypervisor: %s", rc_name(base(SEGBASE_FS, HV_POINTER)));
    base(SEGBASE_FS, 0);

    wrmsr(MSR_FS_BASE, U(&words[1]));
    say("wrmsr FS_BASE: %s", fault_name());
    __asm__ volatile("mov %%fs:0, %0" : "=r"(seen));
    say("fs:0 reads %lx", seen);
    wrmsr(MSR_GS_BASE, U(&words[0]));
    say("wrmsr GS_BASE: %s", fault_name());
    __asm__ volatile("mov %%gs:0, %0" : "=r"(seen));
    say("gs:0 reads %lx", seen);
    wrmsr(MSR_KERNEL_GS_BASE, 0x777000);
    say("wrmsr KERNEL_GS_BASE: %s, reads %lx", fault_name(), rdmsr(MSR_KERNEL_GS_BASE));
    wrmsr(MSR_FS_BASE, NONCANONICAL_POINTER);
    say("wrmsr FS_BASE non-canonical: %s", fault_name());
    wrmsr(MSR_KERNEL_GS_BASE, NONCANONICAL_POINTER);
    say("wrmsr KERNEL_GS_BASE non-canonical: %s", fault_name());
    say("a load of fs by selector clears the base: %s", ({
            __asm__ volatile("mov %0, %%fs" : : "r"(0));
            rc_name((long)rdmsr(MSR_FS_BASE));
        }));
    base(SEGBASE_GS_USER, 0);

    extern const uint8_t user_syscall[];
    user_init();
    static const struct {
        const char *what;
        uint64_t ss;
    } stacks[] = {{"flat", FLAT_KERNEL_SS}, {"RPL 0", FLAT_KERNEL_SS & ~3UL}, {"null", 0}};
    for (unsigned int i = 0; i < ARRAY_SIZE(stacks); i++)
        say("stack_switch, ss %s: %s", stacks[i].what,
            rc_name(
                HC(__HYPERVISOR_stack_switch, stacks[i].ss, U(this_cpu()) + USER_ENTRY_STACK_TOP)));
    note("stack_switch, rsp non-canonical: %s",
         rc_name(HC(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS, NONCANONICAL_POINTER)));
    struct regs r = user_frame(user_syscall, 7, 0, 0);
    user_run(&r);
    say("entry from user mode is on the stack given: %d", this_cpu()->user_regs.rax == 7);
}
PROPERTY(segment_base, "segment-base", run);
