/*
 * Property: user mode. A second page-table tree, entered by IRET and left by SYSCALL, exception or
 * software interrupt; registers and frames on the way; what user mode may not reach.
 */
#include "pvk.h"

extern const uint8_t user_syscall[], user_ud2[], user_read[], user_write[], user_exec[],
    user_int3[], user_cpuid[], user_in[], user_cli[], user_hlt[], user_rdtsc[], user_int80[],
    user_div[];

static const char *result(void)
{
    static char texts[4][48];
    static unsigned int next;
    const struct regs *r = &this_cpu()->user_regs;
    char *text = texts[next++ % ARRAY_SIZE(texts)];
    text_print(text, sizeof(texts[0]), "%s(%lx)", vector_name(r->vector), r->error);
    return text;
}

static const struct regs *enter(const void *code, uint64_t a1, uint64_t a2)
{
    struct regs r = user_frame(code, a1, a2, 0);
    user_run(&r);
    return &this_cpu()->user_regs;
}

static void system_calls(void)
{
    struct regs r = user_frame(user_syscall, 0x1234, 2, 3);
    uint64_t *all = (uint64_t *)&r;

    for (unsigned int i = 0; i < 15; i++)
        all[i] = 0x1000 + i;
    r.rsp = USER_STACK - 64;
    r.rflags = FLAG_IF | 0x841;
    vcpu_info()->evtchn_upcall_mask = 0;
    user_run(&r);
    const struct regs *u = &this_cpu()->user_regs;
    say("system call: %s, rax %lx, rip behind it %d, rsp right %d", vector_name(u->vector), u->rax,
        u->rip == user_address(user_syscall) + 5, u->rsp == USER_STACK - 64);
    say("rcx is rip %d, r11 is rflags %d, rflags %lx", u->rcx == u->rip, u->r11 == u->rflags,
        u->rflags);
    say("cs %x ss %x, upcall mask saved %lx, now %u", (unsigned int)(u->cs & 0xffff),
        (unsigned int)u->ss, u->cs >> 32 & 0xff, vcpu_info()->evtchn_upcall_mask);
    unsigned int same = 0;
    const uint64_t *seen = (const uint64_t *)u;
    for (unsigned int i = 0; i < 15; i++)
        same += seen[i] == all[i];
    say("registers that came through unchanged: %u of 15", same);
    upcalls_disable();
}

static void faults(void)
{
    static const struct {
        const char *what;
        const uint8_t *code;
        uint64_t a1;
    } cases[] = {
        {"ud2", user_ud2, 0},
        {"int3", user_int3, 0},
        {"div by zero", user_div, 0},
        {"cli", user_cli, 0},
        {"hlt", user_hlt, 0},
        {"in", user_in, 0x61},
        {"read of nothing", user_read, BAD_POINTER},
        {"write to nothing", user_write, BAD_POINTER},
        {"write to text", user_write, USER_TEXT},
        {"run data", user_exec, USER_DATA},
        {"run nothing", user_exec, BAD_POINTER},
        {"read the kernel", user_read, VIRT_BASE + 0x100000},
        {"write the kernel", user_write, VIRT_BASE + 0x100000},
        {"read the hypervisor", user_read, HV_POINTER},
        {"run the hypervisor", user_exec, HV_POINTER},
        {"read a non-canonical address", user_read, NONCANONICAL_POINTER},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        enter(cases[i].code, cases[i].a1, 0);
        /* Whether the hypervisor's range shows as present is its own affair. */
        bool hv = cases[i].a1 == HV_POINTER;
        say("%s: %s", cases[i].what, hv ? vector_name(this_cpu()->user_regs.vector) : result());
    }
    enter(user_read, BAD_POINTER + 5, 0);
    say("cr2 %lx", this_cpu()->user_cr2);
    enter(user_int80, 0, 0);
    note("int 0x80: %s", result());
    enter(user_read, MACH2PHYS_VIRT_START, 0);
    note("reading the m2p: %s", result());
    enter(user_cpuid, 0x40000000, 0);
    note("plain cpuid: %s, ebx %lx", result(), this_cpu()->user_regs.rbx);
    enter(user_rdtsc, 0, 0);
    say("rdtsc goes on to the ud2: %d", this_cpu()->user_regs.rip == user_address(user_rdtsc) + 2);
    enter(user_read, USER_DATA, 0);
    say("reading data: %s, %lx", result(), this_cpu()->user_regs.rax);
    enter(user_write, USER_DATA + 8, 0x55);
    say("writing data: %s, kernel sees %lx", result(), ((uint64_t *)user_data)[1]);
    enter(user_read, USER_DATA + 8, 0);
    say("rax then: %lx", this_cpu()->user_regs.rax);
}

static void no_handler(void)
{
    struct callback_register r = {.type = CALLBACKTYPE_syscall, .address = 0};

    long rc = HC(__HYPERVISOR_callback_op, CALLBACKOP_register, &r);
    enter(user_syscall, 0, 0);
    say("system call without a handler: %s, %s", rc_name(rc), result());
    r.flags = 0;
    r.address = U(entry_syscall);
    HC(__HYPERVISOR_callback_op, CALLBACKOP_register, &r);
    vcpu_info()->evtchn_upcall_mask = 0;
    enter(user_syscall, 0, 0);
    say("registered without mask_events: mask inside %u", vcpu_info()->evtchn_upcall_mask);
    callbacks_register();
    enter(user_syscall, 0, 0);
    say("registered with it: mask inside %u", vcpu_info()->evtchn_upcall_mask);
    upcalls_disable();
}

static void entry_flags(void)
{
    struct regs r = user_frame(user_syscall, 1, 0, 0);

    r.rflags = FLAG_IF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_ID;
    user_run(&r);
    say("flags with IOPL, NT, AC, ID asked for: %lx",
        this_cpu()->user_regs.rflags & ~(0x10000UL | FLAG_NT));
    r = user_frame(user_syscall, 1, 0, 0);
    r.rflags = 0;
    user_run(&r);
    say("without IF: %lx, saved mask %lx", this_cpu()->user_regs.rflags,
        this_cpu()->user_regs.cs >> 32 & 0xff);
}

static void run(void)
{
    user_init();
    memset(user_data, 0, PAGE_SIZE);
    system_calls();
    faults();
    no_handler();
    entry_flags();
}
PROPERTY(user_mode, "user-mode", run);
