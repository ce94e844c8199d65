/*
 * Property: the IRET hypercall. Flags it takes and forces, the upcall mask from rflags.IF, and
 * return addresses that cannot be run.
 *
 * Property 'iret-selectors': frames whose selectors cannot be loaded come back as a fault or by the
 * failsafe callback. It runs alone: stock Xen in QEMU takes the fault at its own IRETQ for ever.
 */
#include "pvk.h"

/* Leaves through a frame that arrives just below; returns what arrived. */
static void go(uint64_t rip, uint64_t cs, uint64_t rflags, uint64_t rsp_or_0, uint64_t ss,
               uint64_t vgcf)
{
    fault_reset();
    __asm__ volatile(
        "lea 1f(%%rip), %%rax\n"
        "mov %%rax, %[resume]\n"
        "test %[rip], %[rip]\n"
        "cmove %%rax, %[rip]\n"
        "mov %%rsp, %%rax\n"
        "test %[rsp], %[rsp]\n"
        "cmove %%rax, %[rsp]\n"
        "mov %%rsp, %%rbx\n"
        "push %[ss]; push %[rsp]; push %[flags]; push %[cs]; push %[rip]\n"
        "push %[vgcf]; push $0x2222; push $0x1111; push $0x3333\n"
        "mov $23, %%eax; syscall; ud2\n"
        "1: mov %%rbx, %%rsp"
        : [resume] "=m"(this_cpu()->probe_resume), [rip] "+r"(rip), [rsp] "+r"(rsp_or_0)
        : [ss] "r"(ss), [flags] "r"(rflags), [cs] "r"(cs), [vgcf] "r"(vgcf)
        : "rax", "rbx", "rcx", "r11", "memory", "cc");
    this_cpu()->probe_resume = 0;
}

#define KERNEL_CS (FLAT_KERNEL_CS & ~3UL)

static void flags(void)
{
    static const struct {
        const char *what;
        uint64_t flags;
    } cases[] = {
        {"none", 0},
        {"IF", FLAG_IF},
        {"IOPL 3", FLAG_IF | FLAG_IOPL},
        {"NT", FLAG_IF | FLAG_NT},
        {"VM", FLAG_IF | 1UL << 17},
        {"RF", FLAG_IF | 1UL << 16},
        {"VIF and VIP", FLAG_IF | 3UL << 19},
        {"AC", FLAG_IF | FLAG_AC},
        {"ID", FLAG_IF | FLAG_ID},
        {"CF PF AF ZF SF DF OF", FLAG_IF | 0xcd5},
        {"reserved bits", FLAG_IF | 0xffffffffff008028UL},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t now;
        vcpu_info()->evtchn_upcall_mask = 1;
        /* The flags as they are right behind the IRET. */
        __asm__ volatile(
            "lea 1f(%%rip), %%rax; mov %%rsp, %%rbx\n"
            "push %[ss]; push %%rbx; push %[flags]; push %[cs]; push %%rax\n"
            "push $0; push $0; push $0; push $0\n"
            "mov $23, %%eax; syscall; ud2\n"
            "1: pushfq; pop %[now]; cld; pushq $2; popfq"
            : [now] "=r"(now)
            : [ss] "r"(FLAT_KERNEL_SS + 0UL), [flags] "r"(cases[i].flags), [cs] "r"(KERNEL_CS)
            : "rax", "rbx", "rcx", "r11", "memory", "cc");
        say("%s: flags then %lx, upcall mask %u", cases[i].what, now & ~(0x10000UL | FLAG_NT),
            vcpu_info()->evtchn_upcall_mask);
    }
    upcalls_disable();
}

static void run(void)
{
    flags();
    go(0, KERNEL_CS, FLAG_IF, 0, FLAT_KERNEL_SS, 0);
    say("plain: %s", fault_name());
    go(0, KERNEL_CS, FLAG_IF, 0, FLAT_KERNEL_SS, VGCF_in_syscall);
    say("VGCF_in_syscall: %s", fault_name());
    go(0, KERNEL_CS, FLAG_IF, 0, FLAT_KERNEL_SS & ~3UL, 0);
    say("ss with RPL 0: %s", fault_name());
    go(NONCANONICAL_POINTER, KERNEL_CS, FLAG_IF, 0, FLAT_KERNEL_SS, 0);
    say("rip non-canonical: %s", fault_name());
    go(HV_POINTER, KERNEL_CS, FLAG_IF, 0, FLAT_KERNEL_SS, 0);
    say("rip in the hypervisor: %s", vector_name((uint64_t)this_cpu()->fault.vector));
    go(BAD_POINTER, KERNEL_CS, FLAG_IF, 0, FLAT_KERNEL_SS, 0);
    say("rip nowhere: %s", fault_name());
    upcalls_disable();
}
PROPERTY(iret, "iret", run);

static void selectors(void)
{
    static const struct {
        const char *what;
        uint64_t cs, ss;
    } cases[] = {
        {"ss null", KERNEL_CS, 0},
        {"ss of nothing", KERNEL_CS, 0x1230},
        {"ss a code segment", KERNEL_CS, KERNEL_CS | 3},
        {"ss the hypervisor's", KERNEL_CS, 0xe010},
        {"cs null", 0, FLAT_KERNEL_SS},
        {"cs of nothing", 0x1230, FLAT_KERNEL_SS},
        {"cs a data segment", FLAT_KERNEL_DS & ~3UL, FLAT_KERNEL_SS},
        {"cs the hypervisor's", 0xe008, FLAT_KERNEL_SS},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        go(0, cases[i].cs, FLAG_IF, 0, cases[i].ss, 0);
        note("%s: %s", cases[i].what, fault_name());
        long v = this_cpu()->fault.vector;
        say("%s: comes back as a fault: %d", cases[i].what,
            v == VEC_FAILSAFE || v == 13 || v == 12 || v == 10);
    }
    upcalls_disable();
}
PROPERTY_FLAGS(iret_selectors, "iret-selectors", selectors, PROPERTY_ALONE);
