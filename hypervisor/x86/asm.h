/* One-instruction inlines: the machine as C sees it. */
#ifndef X86_ASM_H
#define X86_ASM_H

#include "base/num.h"

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* For MSRs that may not exist: 0, or -XEN_EFAULT where the access faults (x86/guestmem.c). */
int rdmsr_safe(uint32_t msr, uint64_t *value);
struct cpuid_regs {
    uint32_t a, b, c, d;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "0"(leaf), "2"(subleaf));
    return r;
}

#define DEFINE_CR(n)                                                                               \
    static inline uint64_t read_cr##n(void)                                                        \
    {                                                                                              \
        uint64_t v;                                                                                \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));                                          \
        return v;                                                                                  \
    }                                                                                              \
    static inline void write_cr##n(uint64_t v)                                                     \
    {                                                                                              \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                                   \
    }
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
#undef DEFINE_CR

#define DEFINE_IO(letter, type)                                                                    \
    static inline void out##letter(uint16_t port, type v)                                          \
    {                                                                                              \
        __asm__ volatile("out" #letter " %0, %1" ::"a"(v), "Nd"(port));                            \
    }                                                                                              \
    static inline type in##letter(uint16_t port)                                                   \
    {                                                                                              \
        type v;                                                                                    \
        __asm__ volatile("in" #letter " %1, %0" : "=a"(v) : "Nd"(port));                           \
        return v;                                                                                  \
    }
DEFINE_IO(b, uint8_t)
DEFINE_IO(w, uint16_t)
DEFINE_IO(l, uint32_t)
#undef DEFINE_IO

/* size: 1, 2 or 4. */
static inline uint32_t port_in(uint16_t port, unsigned int size)
{
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static inline void port_out(uint16_t port, unsigned int size, uint32_t v)
{
    if (size == 1)
        outb(port, (uint8_t)v);
    else if (size == 2)
        outw(port, (uint16_t)v);
    else
        outl(port, v);
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void irq_off(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline void wbinvd(void)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static inline void cpu_relax(void)
{
    __builtin_ia32_pause();
}

#define MSR_APIC_BASE      0x1b
#define MSR_PAT            0x277
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_FMASK          0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

#define CR0_TS (1ul << 3)

#define CR4_TSD      (1ul << 2)
#define CR4_DE       (1ul << 3)
#define CR4_PAE      (1ul << 5)
#define CR4_MCE      (1ul << 6)
#define CR4_PGE      (1ul << 7)
#define CR4_FXSR     (1ul << 9)
#define CR4_XMM      (1ul << 10)
#define CR4_UMIP     (1ul << 11)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_XSAVE    (1ul << 18)
#define CR4_SMEP     (1ul << 20)
#define CR4_SMAP     (1ul << 21)

#define FLAGS_TF   (1u << 8)
#define FLAGS_IF   (1u << 9)
#define FLAGS_DF   (1u << 10)
#define FLAGS_IOPL (3u << 12)
#define FLAGS_NT   (1u << 14)
#define FLAGS_RF   (1u << 16)
#define FLAGS_VM   (1u << 17)
#define FLAGS_AC   (1u << 18)

#define PTE_P    0x001ul
#define PTE_RW   0x002ul
#define PTE_US   0x004ul
#define PTE_PWT  0x008ul
#define PTE_PCD  0x010ul
#define PTE_A    0x020ul
#define PTE_D    0x040ul
#define PTE_PS   0x080ul
#define PTE_G    0x100ul
#define PTE_NX   (1ul << 63)
#define PTE_ADDR 0x000ffffffffff000ul

#endif
