/* Finds out what the processors can do, and sets each one up alike. */
#include "x86/cpu.h"

#include "core/opt/opt.h"
#include "x86/asm.h"
#include "x86/entry/entry.h"
#include "x86/guard.h"
#include "port/log.h"
#include "port/stop.h"

uint8_t cpu_has_smap, cpu_has_smep, cpu_has_fsgsbase, cpu_has_xsave, cpu_has_xsaveopt,
    cpu_has_1g_pages, cpu_has_x2apic, cpu_has_invariant_tsc, cpu_has_tsc_deadline, cpu_has_rdtscp,
    cpu_has_umip;
uint8_t cpu_is_amd;
uint64_t cpu_xcr0;
uint32_t cpu_xsave_size = 512;
uint8_t cpu_phys_bits = 36;
uint64_t cpu_cr4;

/* x87, SSE, AVX: what PV guests are offered (XCR0 bits of Intel SDM vol. 1, 13.3). */
#define XCR0_OFFERED 0x7u

static void detect_basic(void)
{
    struct cpuid_regs r = cpuid(1, 0);

    if (!(r.d & 1u << 24) || !(r.d & 1u << 26))
        stop("this processor lacks FXSR or SSE2; any x86-64 processor made has both: check -cpu");
    if (!(r.d & 1u << 9))
        stop("this processor shows no local APIC; enable it in the firmware");
    cpu_has_x2apic = (r.c >> 21 & 1) && !options.no_x2apic;
    cpu_has_tsc_deadline = r.c >> 24 & 1;
    cpu_has_xsave = r.c >> 26 & 1;
}

static void detect_extended(void)
{
    uint32_t max = cpuid(0, 0).a;
    uint32_t max_ext = cpuid(0x80000000, 0).a;
    struct cpuid_regs vendor = cpuid(0, 0);

    cpu_is_amd = vendor.b == 0x68747541 || vendor.b == 0x6f677948; /* AuthenticAMD, HygonGenuine */
    if (max >= 7) {
        struct cpuid_regs r = cpuid(7, 0);

        cpu_has_fsgsbase = r.b & 1;
        cpu_has_smep = (r.b >> 7 & 1) && !options.no_smep;
        cpu_has_smap = (r.b >> 20 & 1) && !options.no_smap;
        cpu_has_umip = r.c >> 2 & 1;
    }
    if (!(cpuid(0x80000001, 0).d & 1u << 11))
        stop("this processor lacks SYSCALL in 64-bit mode, which PV guests need");
    cpu_has_1g_pages = cpuid(0x80000001, 0).d >> 26 & 1;
    cpu_has_rdtscp = cpuid(0x80000001, 0).d >> 27 & 1;
    if (max_ext >= 0x80000007)
        cpu_has_invariant_tsc = cpuid(0x80000007, 0).d >> 8 & 1;
    if (max_ext >= 0x80000008)
        cpu_phys_bits = (uint8_t)cpuid(0x80000008, 0).a;
}

void cpu_detect(void)
{
    detect_basic();
    detect_extended();
    cpu_cr4 = CR4_DE | CR4_PAE | CR4_MCE | CR4_FXSR | CR4_XMM | (cpu_has_xsave ? CR4_XSAVE : 0) |
              (cpuid(1, 0).d & 1u << 13 ? CR4_PGE : 0) | (cpu_has_smep ? CR4_SMEP : 0) |
              (cpu_has_smap ? CR4_SMAP : 0) | (cpu_has_umip ? CR4_UMIP : 0) |
              (cpu_has_fsgsbase ? CR4_FSGSBASE : 0);
    if (cpu_has_xsave) {
        write_cr4(read_cr4() | CR4_XSAVE);
        cpu_xcr0 = cpuid(0xd, 0).a & XCR0_OFFERED;
        __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)cpu_xcr0), "d"(0));
        cpu_xsave_size = cpuid(0xd, 0).b;
        cpu_has_xsaveopt = cpuid(0xd, 1).a & 1;
    }
}

void cpu_setup(void)
{
    /* PAT as Xen sets it, since guests read and use it: WB WT UC- UC WC WP UC UC. */
    wrmsr(MSR_PAT, 0x050100070406);
    write_cr4(cpu_cr4);
    this_percpu()->cr4 = cpu_cr4;
    if (cpu_has_xsave)
        __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)cpu_xcr0), "d"(0));
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    /* STAR: SYSCALL enters with CS 0xe008, SS 0xe010; SYSRET leaves with 0xe033, 0xe02b. */
    wrmsr(MSR_STAR, 0xe023ul << 48 | 0xe008ul << 32);
    wrmsr(MSR_FMASK,
          FLAGS_AC | FLAGS_NT | FLAGS_DF | FLAGS_IF | FLAGS_TF | FLAGS_RF | FLAGS_VM | FLAGS_IOPL);
    guard_cpu_setup();
}
