/*
 * Property: the FPU. fpu_taskswitch and CLTS raise and clear #NM; registers survive hypercalls,
 * faults, and other vCPUs running with values of their own; XSETBV takes what the processor and the
 * guest may use.
 */
#include "pvk.h"

static void load(uint64_t seed)
{
    uint64_t v[2] = {seed, ~seed};
    __asm__ volatile(
        "movups %0, %%xmm0; movups %0, %%xmm7; movups %0, %%xmm15; ldmxcsr %1; fninit; fildll %0"
        :
        : "m"(v), "m"((uint32_t){0x1f80 | (seed & 1 ? 0x8000 : 0)}));
}

static bool same(uint64_t seed)
{
    uint64_t v[3][2];
    int64_t st;
    uint32_t mxcsr;

    __asm__ volatile(
        "movups %%xmm0, %0; movups %%xmm7, %1; movups %%xmm15, %2; stmxcsr %3; fistpll %4"
        : "=m"(v[0]), "=m"(v[1]), "=m"(v[2]), "=m"(mxcsr), "=m"(st));
    for (unsigned int i = 0; i < 3; i++)
        if (v[i][0] != seed || v[i][1] != ~seed)
            return false;
    return st == (int64_t)seed && mxcsr == (0x1f80u | (seed & 1 ? 0x8000 : 0));
}

static volatile unsigned int rounds;
static volatile bool stop;

static void other(void *unused)
{
    (void)unused;
    while (!stop) {
        load(0xbadbad);
        HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        if (!same(0xbadbad))
            rounds = 0xffff0000;
        rounds++;
    }
}

static uint64_t xgetbv(void)
{
    uint32_t low = 0, high = 0;
    PROBE("xgetbv", : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void xsetbv(const char *what, uint32_t index, uint64_t value)
{
    PROBE("xsetbv", : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
    say("xsetbv %s: %s", what, fault_name());
}

static void run(void)
{
    say("fpu_taskswitch(1): %s", rc_name(HC(__HYPERVISOR_fpu_taskswitch, 1)));
    PROBE("fnop", ::);
    say("an FPU instruction: %s", fault_name());
    PROBE("fnop", ::);
    say("and again: %s", fault_name());
    say("fpu_taskswitch(1): %s", rc_name(HC(__HYPERVISOR_fpu_taskswitch, 1)));
    uint64_t cr0 = 0;
    PROBE("mov %%cr0, %0", : "=r"(cr0));
    say("CR0.TS: %lu", cr0 >> 3 & 1);
    say("fpu_taskswitch(0): %s", rc_name(HC(__HYPERVISOR_fpu_taskswitch, 0)));
    PROBE("fnop", ::);
    say("an FPU instruction: %s", fault_name());
    HC(__HYPERVISOR_fpu_taskswitch, 1);
    PROBE("clts", ::);
    say("clts: %s", fault_name());
    PROBE("fnop", ::);
    say("an FPU instruction: %s", fault_name());

    load(0x5eed);
    HC(__HYPERVISOR_xen_version, 0, 0);
    say("registers over a hypercall: %d", same(0x5eed));
    load(0x5eee);
    HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    say("registers over a yield: %d", same(0x5eee));
    load(0x5eef);
    PROBE("ud2", ::);
    say("registers over a fault: %d", same(0x5eef));
    if (vcpus_allowed() > 1 && !vcpu_start(1)) {
        stop = false;
        vcpu_give(1, other, NULL);
        bool right = true;
        for (unsigned int i = 0; i < 200; i++) {
            load(i + 1);
            HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
            right &= same(i + 1);
        }
        while (!rounds)
            HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        stop = true;
        vcpu_wait(1);
        say("registers while another vCPU uses others: ours %d, theirs %d", right,
            rounds < 0xffff0000);
    }
    uint64_t cr4 = 0;
    PROBE("mov %%cr4, %0", : "=r"(cr4));
    PROBE("mov %0, %%cr4", : : "r"(cr4 | 1UL << 18));
    PROBE("mov %%cr4, %0", : "=r"(cr4));
    say("OSXSAVE set in cr4: %lu", cr4 >> 18 & 1);
    uint64_t was = xgetbv();
    say("xgetbv: %s, x87 and SSE %lu", fault_name(), was & 3);
    note("xcr0 %lx", was);
    if (this_cpu()->fault.vector < 0) {
        xsetbv("the same", 0, was);
        xsetbv("x87 only", 0, 1);
        xsetbv("nothing", 0, 0);
        xsetbv("AVX without SSE", 0, 5);
        xsetbv("all bits", 0, ~0UL);
        xsetbv("XCR1", 1, 1);
        xsetbv("back", 0, was);
        say("xcr0 is back: %d", xgetbv() == was);
    }
}
PROPERTY(fpu, "fpu", run);
