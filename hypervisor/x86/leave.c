/* The way out: SYSCALL and interrupts from guests, and what is done before a guest runs again.
 *
 * Everything that asks for attention sets a bit in percpu.work; while any is set, the guest does
 * not run. Interrupts are off, so a bit set after the last look comes with an interrupt that is
 * taken in the guest's first instruction. */
#include "core/dom/create.h"
#include "core/sched/sched.h"
#include "core/time/timer.h"
#include "dbg/dbg.h"
#include "hc/hc.h"
#include "port/clock.h"
#include "port/tlb.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/ctxsw.h"
#include "x86/entry/leave.h"
#include "x86/irq.h"
#include "x86/pv/bounce.h"

static inline void work_done(struct percpu *pc, uint32_t bit)
{
    __atomic_and_fetch(&pc->work, ~bit, __ATOMIC_ACQ_REL);
}

/* All work but the scheduler's. */
static void do_small_work(struct percpu *pc)
{
    uint32_t work = __atomic_load_n(&pc->work, __ATOMIC_ACQUIRE);

    if (work & WORK_TLB)
        tlb_serve();
    if (work & WORK_TIMER) {
        work_done(pc, WORK_TIMER);
        timer_run();
    }
    if (work & WORK_REAP) {
        work_done(pc, WORK_REAP);
        dom_reap();
    }
    if (work & WORK_LEAVE)
        work_done(pc, WORK_LEAVE);
    if (work & WORK_KEY) {
        work_done(pc, WORK_KEY);
        dbg_keys_pending();
    }
}

static void idle(struct percpu *pc)
{
    while (!__atomic_load_n(&pc->work, __ATOMIC_ACQUIRE)) {
        /* STI takes effect after HLT has begun, so no wake-up is lost between the two. */
        __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
    }
}

/* Returns with a vcpu to run, its registers in *r. */
static __attribute__((noinline)) void do_work(struct percpu *pc, struct guest_regs *r)
{
    for (;;) {
        do_small_work(pc);
        if (pc->current && !(pc->work & WORK_SCHED))
            return;
        work_done(pc, WORK_SCHED);
        schedule(r);
        if (pc->current)
            return;
        idle(pc);
    }
}

/* All there may be to do. */
int x86_leave(struct guest_regs *r)
{
    struct percpu *pc = frame_percpu(r);

    for (;;) {
        if (__atomic_load_n(&pc->work, __ATOMIC_RELAXED) || !pc->current)
            do_work(pc, r);

        struct vcpu *v = pc->current;
        if (unlikely(v->arch.nmi_pending)) {
            v->arch.nmi_pending = false;
            pv_nmi(v, r);
        } else if (event_due(v) && v->arch.event_cb) {
            pv_event(v, r);
        } else if (!__atomic_load_n(&pc->work, __ATOMIC_RELAXED)) {
            return r->entry == ENTRY_SYSCALL ? LEAVE_SYSRET : LEAVE_IRET;
        }
    }
}

int x86_syscall32(struct guest_regs *r)
{
    struct vcpu *v = current_vcpu();

    if (v->arch.in_kernel || !v->arch.syscall32_cb) {
        r->rip -= 2;
        pv_trap(v, r, 6, BOUNCE_NO_ERROR_CODE);
    } else {
        pv_syscall(v, r, v->arch.syscall32_cb, v->arch.syscall32_cb_flags);
    }
    return x86_leave(r);
}

int x86_sysenter(struct guest_regs *r)
{
    struct vcpu *v = current_vcpu();

    r->rflags = (r->rflags & ~(uint64_t)(FLAGS_VM | FLAGS_NT | FLAGS_TF)) | FLAGS_IF;
    if (!v->arch.in_kernel && v->arch.sysenter_cb)
        pv_syscall(v, r, v->arch.sysenter_cb, v->arch.sysenter_cb_flags);
    else
        pv_gp(v, r, 0);
    return x86_leave(r);
}

int x86_interrupt(struct guest_regs *r)
{
    irq_dispatch(r->entry);
    r->entry = ENTRY_IRET;
    return leave(r);
}

void x86_interrupt_hv(struct guest_regs *r)
{
    irq_dispatch(r->entry);
}

bool preempt_wanted(void)
{
    struct percpu *pc = this_percpu();
    struct vcpu *v = pc->current;

    /* One instruction with interrupts on lets all that wait come in. */
    __asm__ volatile("sti\n\tnop\n\tcli" ::: "memory");
    return pc->work || (v && event_due(v));
}

static void enter_idle(void)
{
    resume_guest(x86_leave(guest_frame()));
}

void cpu_idle_loop(void)
{
    __atomic_or_fetch(&this_percpu()->work, WORK_SCHED, __ATOMIC_RELAXED);
    run_on_stack(enter_idle);
}
