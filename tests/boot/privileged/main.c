/*
 * Property: privileged instructions of a guest kernel: ports, CLI and STI by I/O privilege, control
 * registers, MSRs, CPUID in its plain and forced forms, and those refused with #GP.
 */
#include "pvk.h"

static long iopl(unsigned int level)
{
    struct physdev_set_iopl op = {.iopl = level};
    return HC(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &op);
}

static void ports(void)
{
    uint8_t byte = 0;
    static const struct {
        const char *what;
        uint16_t port;
        bool compare;
    } reads[] = {
        {"POST 0x80", 0x80, false},      {"PIT gate 0x61", 0x61, false},
        {"RTC 0x71", 0x71, false},       {"PIC 0x21", 0x21, false},
        {"PIT 0x40", 0x40, false},       {"COM1 0x3f8", 0x3f8, true},
        {"unused 0x1234", 0x1234, true},
    };

    PROBE("in %%dx, %%al", : "=a"(byte) : "d"(0x61));
    say("in at IOPL 0: %s", fault_name());
    PROBE("cli", ::);
    say("cli at IOPL 0: %s", fault_name());
    say("set_iopl 1: %s", rc_name(iopl(1)));
    for (unsigned int i = 0; i < ARRAY_SIZE(reads); i++) {
        PROBE("in %%dx, %%al", : "=a"(byte) : "d"(reads[i].port));
        say("in %s: %s", reads[i].what, fault_name());
        note("in %s: %x", reads[i].what, byte);
    }
    uint32_t wide = 0;
    PROBE("in %%dx, %%eax", : "=a"(wide) : "d"(0xcf8));
    say("in of 4 bytes, 0xcf8: %s", fault_name());
    PROBE("out %%eax, %%dx", : : "a"(0x80000000), "d"(0xcf8));
    say("out of 4 bytes, 0xcf8: %s", fault_name());
    PROBE("in %%dx, %%eax", : "=a"(wide) : "d"(0xcfc));
    say("host bridge's id: %s, %x", fault_name(), wide);
    PROBE("in %%dx, %%ax", : "=a"(wide) : "d"(0xcfe));
    say("its upper half: %s, %x", fault_name(), wide & 0xffff);
    PROBE("out %%al, $0x80", : : "a"(0));
    say("out immediate: %s", fault_name());
    PROBE("in $0x61, %%al", : "=a"(byte));
    say("in immediate: %s", fault_name());
    uint8_t buffer[4] = {0};
    uint64_t count = 2, to = U(buffer);
    PROBE("rep insb", : "+c"(count), "+D"(to) : "d"(0x80) : "memory");
    say("rep insb: %s, left %lu", fault_name(), count);
    count = 2;
    to = U(buffer);
    PROBE("rep outsb", : "+c"(count), "+S"(to) : "d"(0x80) : "memory");
    say("rep outsb: %s, left %lu", fault_name(), count);
    count = 1;
    to = BAD_POINTER;
    PROBE("rep insb", : "+c"(count), "+D"(to) : "d"(0x80) : "memory");
    note("insb to nothing: %s", fault_name());
    PROBE("cli", ::);
    say("cli at IOPL 1: %s", fault_name());
    PROBE("sti", ::);
    say("sti at IOPL 1: %s", fault_name());
    say("set_iopl 4: %s", rc_name(iopl(4)));
    say("set_iopl 0: %s", rc_name(iopl(0)));
}

static void control_registers(void)
{
    uint64_t value = 0;

    PROBE("mov %%cr0, %0", : "=r"(value));
    say("mov from cr0: %s, %lx", fault_name(), value);
    PROBE("mov %0, %%cr0", : : "r"(value));
    say("the same back: %s", fault_name());
    PROBE("mov %0, %%cr0", : : "r"(value | 8));
    say("with TS: %s", fault_name());
    PROBE("mov %0, %%cr0", : : "r"(value));
    PROBE("mov %0, %%cr0", : : "r"(value & ~1UL));
    say("without PE: %s", fault_name());
    PROBE("mov %0, %%cr0", : : "r"(value & ~(1UL << 16)));
    say("without WP: %s", fault_name());
    PROBE("mov %%cr2, %0", : "=r"(value));
    say("mov from cr2: %s", fault_name());
    PROBE("mov %0, %%cr2", : : "r"(0x1234UL));
    say("mov to cr2: %s", fault_name());
    PROBE("mov %%cr3, %0", : "=r"(value));
    say("mov from cr3: %s, our L4: %d", fault_name(), value == va_to_maddr(kernel_l4));
    PROBE("mov %0, %%cr3", : : "r"(value));
    say("mov to cr3: %s", fault_name());
    PROBE("mov %0, %%cr3", : : "r"(value + (1UL << 40)));
    say("a cr3 past the end: %s", fault_name());
    PROBE("mov %%cr4, %0", : "=r"(value));
    say("mov from cr4: %s, PAE %lu PGE %lu SMEP %lu SMAP %lu UMIP %lu", fault_name(),
        value >> 5 & 1, value >> 7 & 1, value >> 20 & 1, value >> 21 & 1, value >> 11 & 1);
    note("cr4 %lx", value);
    PROBE("mov %0, %%cr4", : : "r"(value));
    say("the same back: %s", fault_name());
    PROBE("mov %0, %%cr4", : : "r"(value & ~(1UL << 5)));
    say("without PAE: %s", fault_name());
    PROBE("mov %0, %%cr4", : : "r"(1UL << 40));
    say("cr4 with reserved bits: %s", fault_name());
    PROBE("mov %%cr8, %0", : "=r"(value));
    say("mov from cr8: %s", fault_name());
    PROBE("lmsw %w0", : : "r"(1));
    say("lmsw: %s", fault_name());
    PROBE("clts", ::);
    say("clts: %s", fault_name());
}

static void refused(void)
{
    uint8_t buffer[16] = {0};

    PROBE("hlt", ::);
    say("hlt: %s", fault_name());
    PROBE("lgdt %0", : : "m"(buffer));
    say("lgdt: %s", fault_name());
    PROBE("lidt %0", : : "m"(buffer));
    say("lidt: %s", fault_name());
    PROBE("ltr %w0", : : "r"(0));
    say("ltr: %s", fault_name());
    PROBE("swapgs", ::);
    say("swapgs: %s", fault_name());
    PROBE("invd", ::);
    note("invd: %s", fault_name());
    PROBE("wbinvd", ::);
    say("wbinvd: %s", fault_name());
    PROBE("invlpg %0", : : "m"(buffer));
    say("invlpg: %s", fault_name());
    PROBE("sysretq", ::);
    say("sysret: %s", fault_name());
    PROBE("rdpmc", : : "c"(0) : "rax", "rdx");
    say("rdpmc: %s", fault_name());
    PROBE("vmmcall", ::);
    note("vmmcall: %s", fault_name());
    PROBE("clgi", ::);
    note("clgi: %s", fault_name());
    PROBE("monitor", : : "a"(buffer), "c"(0), "d"(0));
    note("monitor: %s", fault_name());
}

static void msr(uint32_t index, const char *name, bool compare)
{
    uint32_t low = 0, high = 0;

    PROBE("rdmsr", : "=a"(low), "=d"(high) : "c"(index));
    if (compare)
        say("rdmsr %s: %s", name, fault_name());
    else
        note("rdmsr %s: %s", name, fault_name());
    if (this_cpu()->fault.vector >= 0)
        return;
    note("rdmsr %s: %08x%08x", name, high, low);
    PROBE("wrmsr", : : "c"(index), "a"(low), "d"(high));
    note("wrmsr %s, the same: %s", name, fault_name());
}

static void msrs(void)
{
    static const struct {
        uint32_t index;
        const char *name;
        bool compare;
    } list[] = {
        {0xc0000080, "EFER", true},
        {0xc0000081, "STAR", true},
        {0xc0000082, "LSTAR", true},
        {0xc0000084, "FMASK", true},
        {0x174, "SYSENTER_CS", true},
        {0x1b, "APIC_BASE", true},
        {0x277, "PAT", true},
        {0x10, "TSC", true},
        {0x8b, "PATCH_LEVEL", true},
        {0x179, "MCG_CAP", true},
        {0x17a, "MCG_STATUS", true},
        {0x17b, "MCG_CTL", false},
        {0x400, "MC0_CTL", true},
        {0x401, "MC0_STATUS", true},
        {0x402, "MC0_ADDR", true},
        {0x403, "MC0_MISC", true},
        {0xc0010015, "HWCR", true},
        {0xc0011029, "DE_CFG", true},
        {0xc0010055, "INT_PENDING", true},
        {0xc0000103, "TSC_AUX", true},
        {0x48, "SPEC_CTRL", false},
        {0x49, "PRED_CMD", false},
        {0x10a, "ARCH_CAPABILITIES", false},
        {0x140, "MISC_FEATURES", false},
        {0xce, "PLATFORM_INFO", false},
        {0x1a0, "MISC_ENABLE", false},
        {0x1d9, "DEBUGCTL", false},
        {0xfe, "MTRRcap", true},
        {0x2ff, "MTRRdefType", true},
        {0xc0010000, "EVNTSEL0", true},
        {0xc0010007, "PERFCTR3", true},
        {0xc0010117, "VM_HSAVE", false},
        {0xc0010114, "VM_CR", false},
        {0x40000000, "Xen's first", false},
        {0x12345678, "unknown", true},
        {0x6e0, "TSC_DEADLINE", true},
        {0x800, "x2APIC", true},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
        msr(list[i].index, list[i].name, list[i].compare);
    PROBE("wrmsr", : : "c"(0xc0000080), "a"(0), "d"(0));
    note("wrmsr EFER 0: %s", fault_name());
    PROBE("wrmsr", : : "c"(0xc0000082), "a"(0), "d"(0));
    say("wrmsr LSTAR 0: %s", fault_name());
}

static void cpuid(bool forced, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    if (forced)
        __asm__ volatile("ud2; .ascii \"xen\"; cpuid"
                         : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                         : "a"(leaf), "c"(sub));
    else
        __asm__ volatile("cpuid"
                         : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                         : "a"(leaf), "c"(sub));
}

static void cpuids(void)
{
    uint32_t r[4];
    char signature[13] = "";

    cpuid(true, 0x40000000, 0, r);
    memcpy(signature, &r[1], 12);
    say("leaf 0x40000000: '%s'", signature);
    note("last hypervisor leaf %x", r[0]);
    cpuid(true, 0x40000001, 0, r);
    say("leaf 0x40000001: version %x", r[0]);
    cpuid(true, 0x40000002, 0, r);
    say("leaf 0x40000002: %x pages, MSR %x", r[0], r[1]);
    cpuid(true, 1, 0, r);
    static const struct {
        unsigned int reg, bit;
        const char *name;
    } bits[] = {
        {2, 31, "HYPERVISOR"}, {2, 27, "OSXSAVE"}, {2, 26, "XSAVE"},  {2, 5, "VMX"},
        {2, 3, "MONITOR"},     {2, 17, "PCID"},    {2, 21, "X2APIC"}, {2, 24, "TSC_DEADLINE"},
        {3, 0, "FPU"},         {3, 3, "PSE"},      {3, 5, "MSR"},     {3, 6, "PAE"},
        {3, 7, "MCE"},         {3, 9, "APIC"},     {3, 13, "PGE"},    {3, 14, "MCA"},
        {3, 16, "PAT"},        {3, 24, "FXSR"},    {3, 25, "SSE"},    {3, 26, "SSE2"}};
    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++)
        say("leaf 1 %s: %u", bits[i].name, r[bits[i].reg] >> bits[i].bit & 1);
    cpuid(true, 7, 0, r);
    say("leaf 7 SMEP %u SMAP %u UMIP %u PKU %u", r[1] >> 7 & 1, r[1] >> 20 & 1, r[2] >> 2 & 1,
        r[2] >> 3 & 1);
    note("leaf 7 FSGSBASE %u", r[1] & 1);
    cpuid(true, 0x80000001, 0, r);
    say("leaf 0x80000001 SYSCALL %u NX %u LM %u SVM %u 1GB %u RDTSCP %u", r[3] >> 11 & 1,
        r[3] >> 20 & 1, r[3] >> 29 & 1, r[2] >> 2 & 1, r[3] >> 26 & 1, r[3] >> 27 & 1);
    cpuid(true, 0, 0, r);
    note("last leaf %x", r[0]);
    uint32_t plain[4];
    cpuid(false, 0, 0, plain);
    say("plain leaf 0: same maker: %d", plain[1] == r[1] && plain[2] == r[2] && plain[3] == r[3]);
    PROBE("ud2; .ascii \"xen\"; nop", ::);
    say("forced prefix without cpuid: %s", fault_name());
    PROBE("ud2; .ascii \"xem\"; cpuid", : : : "rax", "rbx", "rcx", "rdx");
    say("not quite the prefix: %s", fault_name());
    uint32_t low, high;
    uint64_t a = rdtsc();
    PROBE("rdtscp", : "=a"(low), "=d"(high) : : "rcx");
    say("rdtscp: %s, not before rdtsc: %d", fault_name(), ((uint64_t)high << 32 | low) >= a);
}

static void run(void)
{
    ports();
    control_registers();
    refused();
    msrs();
    cpuids();
}
PROPERTY(privileged, "privileged", run);
