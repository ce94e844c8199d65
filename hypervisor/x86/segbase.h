/* FS and GS bases, by instruction where CR4.FSGSBASE is on and by MSR where it is not: the bit is
 * the running guest's own (checklist B5), so it is asked each time. */
#ifndef X86_SEGBASE_H
#define X86_SEGBASE_H

#include "x86/asm.h"
#include "x86/percpu.h"

static inline bool fsgsbase_on(void)
{
    return this_percpu()->cr4 & CR4_FSGSBASE;
}

#define DEFINE_BASE(s, msr)                                                                        \
    static inline uint64_t read_##s##_base(void)                                                   \
    {                                                                                              \
        uint64_t base;                                                                             \
                                                                                                   \
        if (!fsgsbase_on())                                                                        \
            return rdmsr(msr);                                                                     \
        __asm__ volatile("rd" #s "base %0" : "=r"(base));                                          \
        return base;                                                                               \
    }                                                                                              \
    static inline void write_##s##_base(uint64_t base)                                             \
    {                                                                                              \
        if (fsgsbase_on())                                                                         \
            __asm__ volatile("wr" #s "base %0" ::"r"(base));                                       \
        else                                                                                       \
            wrmsr(msr, base);                                                                      \
    }
DEFINE_BASE(fs, MSR_FS_BASE)
DEFINE_BASE(gs, MSR_GS_BASE)
#undef DEFINE_BASE

#endif
