/* Context switch: what a PV vcpu leaves in the machine, saved and loaded.
 *
 * Segment bases, selectors, FPU state, debug registers, descriptor tables, page tables, time. The
 * general registers move between the frame at the stack's top and vcpu_arch.regs. FPU state is
 * saved and restored eagerly (checklist A19); the restore is left out where the registers still
 * hold that very vcpu's state. */
#include "x86/ctxsw.h"

#include "core/pgtype/pgtype.h"
#include "hc/vcpu.h"
#include "port/clock.h"
#include "port/guestmem.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/entry/entry.h"
#include "x86/guard.h"
#include "x86/pv/bounce.h"
#include "x86/pv/regs.h"
#include "x86/segbase.h"
#include "x86/time.h"
#include "x86/percpu.h"

/* Each selector as it is; loading one: a bad one becomes null. Returns whether it was good. */
#define DEFINE_SEGMENT(s)                                                                          \
    static inline uint16_t get_##s(void)                                                           \
    {                                                                                              \
        uint16_t selector;                                                                         \
                                                                                                   \
        __asm__ volatile("mov %%" #s ", %0" : "=r"(selector));                                     \
        return selector;                                                                           \
    }                                                                                              \
    static bool load_##s(uint16_t selector)                                                        \
    {                                                                                              \
        __asm__ goto volatile("1: mov %0, %%" #s "\n\t" EXTABLE("1b", "%l[bad]")                   \
                              :                                                                    \
                              : "r"(selector)                                                      \
                              :                                                                    \
                              : bad);                                                              \
        return true;                                                                               \
    bad:                                                                                           \
        __asm__ volatile("mov %0, %%" #s ::"r"(0));                                                \
        return false;                                                                              \
    }
DEFINE_SEGMENT(ds)
DEFINE_SEGMENT(es)
DEFINE_SEGMENT(fs)
DEFINE_SEGMENT(gs)

bool x86_load_gs(uint16_t selector)
{
    return load_gs(selector);
}

static void save_segments(struct vcpu *v)
{
    v->arch.ds = get_ds();
    v->arch.es = get_es();
    v->arch.fs = get_fs();
    v->arch.gs = get_gs();
    uint64_t other = rdmsr(MSR_KERNEL_GS_BASE);
    v->arch.fs_base = read_fs_base();
    uint64_t active = read_gs_base();
    v->arch.gs_kernel = v->arch.in_kernel ? active : other;
    v->arch.gs_user = v->arch.in_kernel ? other : active;
}

/* Loads selectors and bases. Runs with v's page tables and descriptor tables loaded. A selector
 * that has become bad is null afterwards, and the guest's failsafe callback learns of it. */
static void load_segments(struct vcpu *v, struct guest_regs *r)
{
    bool good = true;
    uint64_t active = v->arch.in_kernel ? v->arch.gs_kernel : v->arch.gs_user;
    uint64_t other = v->arch.in_kernel ? v->arch.gs_user : v->arch.gs_kernel;

    if (unlikely(v->arch.ds | get_ds()))
        good &= load_ds(v->arch.ds);
    if (unlikely(v->arch.es | get_es()))
        good &= load_es(v->arch.es);
    if (unlikely(v->arch.fs | get_fs()))
        good &= load_fs(v->arch.fs);
    if (unlikely(v->arch.gs | get_gs()))
        good &= load_gs(v->arch.gs);
    write_fs_base(v->arch.fs_base);
    write_gs_base(active);
    wrmsr(MSR_KERNEL_GS_BASE, other);
    if (unlikely(!good))
        pv_failsafe(v, r);
}

void x86_load_breakpoints(const struct vcpu *v)
{
    __asm__ volatile("mov %0, %%dr0" ::"r"(v->arch.dr[0]));
    __asm__ volatile("mov %0, %%dr1" ::"r"(v->arch.dr[1]));
    __asm__ volatile("mov %0, %%dr2" ::"r"(v->arch.dr[2]));
    __asm__ volatile("mov %0, %%dr3" ::"r"(v->arch.dr[3]));
    __asm__ volatile("mov %0, %%dr7" ::"r"(v->arch.dr7));
}

static void load_root(struct percpu *pc, mfn_t root)
{
    if (root.n == pc->cr3.n)
        return;
    pc->cr3 = root;
    write_cr3(mfn_maddr(root));
    tlb_note_flush(pc);
}

void pgt_base_changed(struct vcpu *v)
{
    struct percpu *pc = this_percpu();

    if (v != pc->current)
        return;
    pc->cr3 = v->arch.in_kernel ? v->arch.kernel_l4 : v->arch.user_l4;
    write_cr3(mfn_maddr(pc->cr3));
    tlb_note_flush(pc);
}

static void save_vcpu(struct percpu *pc, struct vcpu *v, const struct guest_regs *r)
{
    if (vcpu_has_areas(v))
        vcpu_areas_update(v);
    v->arch.regs = *r;
    save_segments(v);
    if (unlikely(v->arch.dr7 & 0xff))
        __asm__ volatile("mov %0, %%dr7" ::"r"(0x400ul));
    fpu_save(v);
    pc->current = NULL;
}

static void load_vcpu(struct percpu *pc, struct vcpu *v, struct guest_regs *r)
{
    pc->current = v;
    __atomic_or_fetch(&v->dom->arch.dirty_cpus, 1ul << pc->cpu, __ATOMIC_SEQ_CST);
    *r = v->arch.regs;
    pv_load_cr4(v);
    desc_load(v);
    load_root(pc, v->arch.in_kernel ? v->arch.kernel_l4 : v->arch.user_l4);
    /* Also when it was here last but elsewhere since: what it asked for there counts (XSA-479). */
    if (fpu_load(v) && unlikely(guard.ibpb_switch))
        guard_forget_branches();
    if (unlikely(v->arch.dr7 & 0xff)) {
        __asm__ volatile("mov %0, %%dr6" ::"r"(v->arch.dr6));
        x86_load_breakpoints(v);
    }
    load_segments(v, r);
    if (cpu_has_rdtscp)
        wrmsr(MSR_TSC_AUX, v->arch.tsc_aux);
    time_publish(v);
    if (vcpu_has_areas(v))
        vcpu_areas_update(v);
}

void schedule(struct guest_regs *r)
{
    struct percpu *pc = this_percpu();
    struct vcpu *prev = pc->current;
    struct vcpu *next = sched_next(pc->cpu, now());

    if (next == prev)
        return;
    if (prev) {
        save_vcpu(pc, prev, r);
        /* No page table of prev's domain stays loaded: it may be freed. */
        if (!next)
            load_root(pc, maddr_mfn(hv_root));
        if (!next || next->dom != prev->dom)
            __atomic_and_fetch(&prev->dom->arch.dirty_cpus, ~(1ul << pc->cpu), __ATOMIC_SEQ_CST);
    }
    if (next)
        load_vcpu(pc, next, r);
    sched_switched(prev, next);
}
