/* Hypercalls, traps, user mode, events, emulated instructions. */
#include "bench.h"

static void null_hypercall(unsigned int n)
{
    while (n--)
        raw_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
}

static struct multicall_entry calls[32];

static void multicall_of_32(unsigned int n)
{
    while (n--)
        raw_hypercall(__HYPERVISOR_multicall, U(calls), 32, 0, 0);
}

static void stack_switch(unsigned int n)
{
    uint64_t sp = U(this_cpu()) + USER_ENTRY_STACK_TOP;
    while (n--)
        raw_hypercall(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS, sp, 0, 0);
}

static void set_segment_base(unsigned int n)
{
    while (n--)
        raw_hypercall(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER, 0x1000, 0, 0);
}

static uint8_t hole[PAGE_SIZE] __attribute__((aligned(4096)));

static void touch(unsigned int n)
{
    bench_touch(n, hole);
}

static void page_faults(void)
{
    pte_set(hole, 0);
    bench_trap(14, bench_fault_iretq);
    bench("fault_iretq", touch, 100);
    bench_trap(14, bench_fault_hypercall);
    bench("fault_hypercall", touch, 100);
    bench_trap(14, NULL);
}

static void user_bench(const char *name, const uint8_t *entry, uint64_t address)
{
    uint64_t best[2] = {~0UL, ~0UL};

    for (unsigned int round = 0; round < 10; round++)
        for (unsigned int empty = 0; empty < 2; empty++) {
            struct regs r = user_frame(empty ? bench_user_loop : entry, 100, address, 0);
            user_run(&r);
            uint64_t ticks = (uint32_t)this_cpu()->user_regs.rax;
            if (ticks < best[empty])
                best[empty] = ticks;
        }
    bench_print(name, best[0] - best[1], 100);
}

static void user_mode(void)
{
    user_init();
    bench_callback(CALLBACKTYPE_syscall, bench_syscall);
    user_bench("user_syscall", bench_user_syscalls, 0);
    bench_callback(CALLBACKTYPE_syscall, bench_syscall_sysret);
    user_bench("user_syscall_sysret", bench_user_syscalls, 0);
    callbacks_register();
    bench_trap(14, bench_fault_hypercall);
    user_bench("user_fault", bench_user_touches, USER_TEXT + 0x10000);
    bench_trap(14, NULL);
}

static struct evtchn_send self_send;

static void send(unsigned int n)
{
    while (n--)
        raw_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, U(&self_send), 0, 0);
}

static void events(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    uint64_t best = ~0UL;

    must(evtchn(EVTCHNOP_bind_ipi, &ipi));
    self_send.port = ipi.port;
    bench_event_word = &shared_info->evtchn_pending[ipi.port / 64];
    bench_vcpu_info = vcpu_info();
    *bench_event_word = 0;
    vcpu_info()->evtchn_pending_sel = 0;
    event_unmask(ipi.port);
    bench_callback(CALLBACKTYPE_event, bench_event);
    vcpu_info()->evtchn_upcall_pending = 0;
    vcpu_info()->evtchn_upcall_mask = 0;
    for (unsigned int i = 0; i < 50; i++) {
        uint64_t start = rdtsc();
        send(1);
        if (bench_event_tsc - start < best)
            best = bench_event_tsc - start;
    }
    bench_print("event_upcall", best, 1);
    bench("event_round_trip", send, 100);
    upcalls_disable();
    callbacks_register();
    struct evtchn_close c = {.port = ipi.port};
    must(evtchn(EVTCHNOP_close, &c));
}

static void emulated_rdmsr(unsigned int n)
{
    while (n--)
        __asm__ volatile("rdmsr" ::"c"(0xc0000102) : "rax", "rdx");
}

static void emulated_cpuid(unsigned int n)
{
    while (n--)
        __asm__ volatile("ud2; .ascii \"xen\"; cpuid" ::"a"(0), "c"(0) : "rbx", "rdx");
}

static void emulated_in(unsigned int n)
{
    while (n--)
        __asm__ volatile("in %%dx, %%al" ::"d"(0x61) : "rax");
}

static void set_timer(unsigned int n)
{
    uint64_t when = time_now() + 10000000000UL;
    while (n--)
        raw_hypercall(__HYPERVISOR_set_timer_op, when, 0, 0, 0);
}

static void yield(unsigned int n)
{
    while (n--)
        raw_hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
}

static void run(void)
{
    /* Under -icount the TSC counts instructions from reset: the way here, less this kernel's start.
     */
    bench_print("reset_to_dom0", rdtsc(), 1);
    struct physdev_set_iopl iopl = {.iopl = 1};

    must(HC(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl));
    for (unsigned int i = 0; i < 32; i++)
        calls[i] = (struct multicall_entry){.op = __HYPERVISOR_xen_version};
    bench("null", null_hypercall, 100);
    bench("multicall_32", multicall_of_32, 20);
    bench("stack_switch", stack_switch, 100);
    bench("set_segment_base", set_segment_base, 100);
    page_faults();
    user_mode();
    events();
    bench("emulated_rdmsr", emulated_rdmsr, 50);
    bench("emulated_cpuid", emulated_cpuid, 50);
    bench("emulated_in", emulated_in, 50);
    bench("set_timer", set_timer, 50);
    HC(__HYPERVISOR_set_timer_op, 0);
    bench("yield", yield, 50);
}
PROPERTY(bench_cpu, "bench-cpu", run);
