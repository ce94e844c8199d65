/* FPU state, eager: saved whenever a vcpu leaves a CPU, so that no other vcpu and no speculation
 * finds it, and loaded before another runs.
 *
 * percpu.fpu_owner names the vcpu whose state the registers still hold; it is loaded again only
 * when another had them, or the vcpu ran elsewhere in between. */
#include "x86/ctxsw.h"

#include "base/string.h"
#include "port/guestmem.h"
#include "x86/asm.h"
#include "x86/cpu.h"

#define XSAVE_HEADER 512 /* offset of XSTATE_BV in an XSAVE area (Intel SDM vol. 1, 13.4) */

void fpu_save(struct vcpu *v)
{
    if (v->arch.fpu_ts)
        __asm__ volatile("clts");
    if (cpu_has_xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(v->arch.xsave), "a"(~0u), "d"(~0u) : "memory");
    else if (cpu_has_xsave)
        __asm__ volatile("xsave64 (%0)" ::"r"(v->arch.xsave), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" ::"r"(v->arch.xsave) : "memory");
    v->arch.fpu_cpu = this_percpu()->cpu;
}

static void restore(const struct vcpu *v)
{
    if (cpu_has_xsave)
        __asm__ volatile("xrstor64 (%0)" ::"r"(v->arch.xsave), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" ::"r"(v->arch.xsave) : "memory");
}

bool fpu_load(struct vcpu *v)
{
    struct percpu *pc = this_percpu();
    bool stale = pc->fpu_owner != v || v->arch.fpu_cpu != pc->cpu;

    if (stale) {
        restore(v);
        pc->fpu_owner = v;
        v->arch.fpu_cpu = pc->cpu;
    }
    if (unlikely(v->arch.fpu_ts))
        write_cr0(read_cr0() | CR0_TS);
    return stale;
}

void fpu_reset(struct vcpu *v)
{
    uint8_t *area = v->arch.xsave;

    memset(area, 0, cpu_xsave_size);
    *(uint16_t *)area = 0x37f;         /* FCW after FNINIT */
    *(uint32_t *)(area + 24) = 0x1f80; /* MXCSR at reset */
    if (cpu_has_xsave)
        *(uint64_t *)(area + XSAVE_HEADER) = 3; /* x87 and SSE are as written, not initial */
    v->arch.fpu_cpu = ~0u;
}
