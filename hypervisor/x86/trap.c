/* Exceptions: those of guests are emulated, or handed to the guest's kernel; those of the
 * hypervisor end at their fix-up or end the machine. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/pgtype/pgtype.h"
#include "dbg/dbg.h"
#include "port/guestmem.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/entry/leave.h"
#include "x86/guard.h"
#include "x86/pv/bounce.h"
#include "x86/pv/regs.h"
#include "x86/layout.h"

#define PF_PRESENT  1u
#define PF_WRITE    2u
#define PF_USER     4u
#define PF_RESERVED 8u

struct fixup {
    int32_t at, to; /* each relative to its own address */
};

extern const struct fixup extable_start[], extable_end[];

static uint64_t find_fixup(uint64_t rip)
{
    for (const struct fixup *f = extable_start; f < extable_end; f++)
        if ((uint64_t)((int64_t)&f->at + f->at) == rip)
            return (uint64_t)((int64_t)&f->to + f->to);
    return 0;
}

int x86_odd_page_fault(struct vcpu *v, struct guest_regs *r, uint64_t address)
{
    uint32_t code = r->error_code;
    bool write_protected = (code & (PF_PRESENT | PF_WRITE)) == (PF_PRESENT | PF_WRITE);

    if (code & PF_RESERVED)
        log_guest(v->dom, LOG_ERR, "v%u: reserved bit in a page table entry for %lx\n", v->id,
                  address);
    else if (v->arch.in_kernel && write_protected && ptwr_fault(v, r, address))
        return leave(r);
    else if (!(code & PF_USER) && address - WINDOW_VIRT < WINDOW_END - WINDOW_VIRT) {
        /* A selector beyond its table's end: the processor would have said so. */
        if (!desc_fault(v, address))
            pv_gp(v, r, (uint32_t)(address & 0xfff8));
        return leave(r);
    }
    pv_page_fault(v, r, address, code);
    return leave(r);
}

/* A breakpoint or a step in the kernel of a domain that dom0 debugs: it pauses, as by pausedomain,
 * and is told nothing. */
static bool to_debugger(struct vcpu *v, uint8_t vector)
{
    struct domain *d = v->dom;

    if (!d->debugged || !v->arch.in_kernel)
        return false;
    lock_take(&d->lock);
    d->control_pauses++;
    v->arch.debug_event = vector; /* behind the pause that it tells of */
    lock_drop(&d->lock);
    sched_pause_domain(d);
    return true;
}

static void guest_debug(struct vcpu *v, struct guest_regs *r)
{
    uint64_t dr6;

    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    v->arch.dr6 |= dr6 & 0xe00f;
    if (!to_debugger(v, 1))
        pv_trap(v, r, 1, BOUNCE_NO_ERROR_CODE);
}

static void device_not_available(struct vcpu *v, struct guest_regs *r)
{
    __asm__ volatile("clts");
    if (!v->arch.fpu_ts)
        return;
    v->arch.fpu_ts = false;
    pv_trap(v, r, 7, BOUNCE_NO_ERROR_CODE);
}

/* INT n of a vector whose gate the processor keeps closed: the guest's own gate decides. */
static bool software_interrupt(struct vcpu *v, struct guest_regs *r)
{
    uint8_t code[2];

    if (!(r->error_code & 2) || guest_read(code, r->rip, 2) || code[0] != 0xcd)
        return false;
    if ((v->arch.trap[code[1]].flags & 3) < (v->arch.in_kernel ? 1 : 3) ||
        !v->arch.trap[code[1]].address) {
        pv_gp(v, r, (uint32_t)code[1] << 3 | 2);
        return true;
    }
    r->rip += 2;
    pv_trap(v, r, code[1], BOUNCE_NO_ERROR_CODE);
    return true;
}

int x86_trap(struct guest_regs *r)
{
    struct vcpu *v = frame_percpu(r)->current;
    unsigned int vector = r->entry;

    switch (vector) {
    case 13:
        if (!(r->error_code & 0xffff) ? !pv_emulate(v, r) : !software_interrupt(v, r))
            pv_gp(v, r, r->error_code);
        break;
    case 6:
        if (!pv_forced_cpuid(v, r))
            pv_trap(v, r, 6, BOUNCE_NO_ERROR_CODE);
        break;
    case 7:
        device_not_available(v, r);
        break;
    case 1:
        guest_debug(v, r);
        break;
    case 3:
        if (!to_debugger(v, 3))
            pv_trap(v, r, 3, BOUNCE_NO_ERROR_CODE);
        break;
    case 2:
        dbg_nmi(r);
        break;
    case 18:
        dbg_machine_check(r);
        break;
    case 8:
        stop("double fault in guest mode");
    case 10:
    case 11:
    case 12:
    case 17:
    case 21:
    case 29:
    case 30:
        pv_trap(v, r, vector, r->error_code);
        break;
    default:
        pv_trap(v, r, vector, BOUNCE_NO_ERROR_CODE);
        break;
    }
    return leave(r);
}

/* IRET to the guest faulted: its selectors, stack pointer or RIP are bad. r is the fault's frame,
 * with the guest's general registers live in it; the frame IRET was to pop is what RSP names. The
 * guest's kernel learns of it by its failsafe callback. */
static _Noreturn void guest_iret_fault(const struct guest_regs *r)
{
    struct guest_regs *top = guest_frame();
    struct guest_regs guest = *r;
    struct vcpu *v = current_vcpu();

    memcpy(&guest.rip, (const void *)r->rsp, 5 * sizeof(uint64_t));
    guest.entry = ENTRY_IRET;
    *top = guest;
    if (v->arch.in_kernel && !canonical(top->rip))
        top->rip = 0;
    pv_failsafe(v, top);
    resume_guest(x86_leave(top));
}

void x86_trap_hv(struct guest_regs *r)
{
    if (r->entry == 2) {
        dbg_nmi(r);
        guard_fix_exit(r);
        return;
    }
    if (r->entry == 18) {
        dbg_machine_check(r);
        return;
    }
    if (r->rip == (uint64_t)guest_iret || r->rip == (uint64_t)iret_done)
        guest_iret_fault(r);
    if (r->entry == 1) {
        /* A guest's breakpoint or MOV SS trap that reached us: not ours to report (XSA-260). */
        __asm__ volatile("mov %0, %%dr6" ::"r"(0xffff0ff0ul));
        r->rflags &= ~(uint64_t)FLAGS_TF;
        guard_fix_exit(r);
        return;
    }
    uint64_t fixup = find_fixup(r->rip);
    if (fixup && r->entry != 8) {
        r->rip = fixup;
        return;
    }
    dbg_hypervisor_fault(r);
}
