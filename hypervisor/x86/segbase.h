/*
 * FS and GS bases, by instruction where CR4.FSGSBASE is on and by MSR where it is not: the bit is
 * the running guest's own (checklist B5), so it is asked each time.
 */
#ifndef X86_SEGBASE_H
#define X86_SEGBASE_H

#include "x86/asm.h"
#include "x86/percpu.h"

static inline bool fsgsbase_on(void)
{
    return this_percpu()->cr4 & CR4_FSGSBASE;
}

static inline uint64_t read_fs_base(void)
{
    uint64_t base;

    if (!fsgsbase_on())
        return rdmsr(MSR_FS_BASE);
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline uint64_t read_gs_base(void)
{
    uint64_t base;

    if (!fsgsbase_on())
        return rdmsr(MSR_GS_BASE);
    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

static inline void write_fs_base(uint64_t base)
{
    if (fsgsbase_on())
        __asm__ volatile("wrfsbase %0" ::"r"(base));
    else
        wrmsr(MSR_FS_BASE, base);
}

static inline void write_gs_base(uint64_t base)
{
    if (fsgsbase_on())
        __asm__ volatile("wrgsbase %0" ::"r"(base));
    else
        wrmsr(MSR_GS_BASE, base);
}

#endif
