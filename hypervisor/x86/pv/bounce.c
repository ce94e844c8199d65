/*
 * Sends a guest vcpu to its kernel's entry points.
 *
 * The frame on the guest kernel's stack, lowest address first (measured on Xen 4.17):
 *   rcx r11 [ds es fs gs] [error code] rip cs rflags rsp ss
 * with the upcall mask of the moment in bits 32-39 of cs, RPL 0 in the cs of an interrupted guest
 * kernel, and IF showing the inverse of the mask. Entry points begin by popping rcx and r11, which
 * is why the hypervisor may leave to them with SYSRET.
 */
#include "x86/pv/bounce.h"

#include "hc/vcpu.h"
#include "port/guestmem.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/paging.h"
#include "x86/tlb.h"

#define GATE_DPL  3
#define GATE_MASK 4 /* the handler starts with events masked (xen.h, trap_info flags) */

void pv_toggle_mode(struct vcpu *v)
{
    mfn_t next;

    v->arch.in_kernel = !v->arch.in_kernel;
    __asm__ volatile("swapgs" ::: "memory");
    next = v->arch.in_kernel ? v->arch.kernel_l4 : v->arch.user_l4;
    if (next.n != this_percpu()->cr3.n) {
        this_percpu()->cr3 = next;
        write_cr3(mfn_maddr(next));
        tlb_note_flush(this_percpu());
    }
    if (unlikely(v->areas_stale) && v->arch.in_kernel)
        vcpu_areas_update(v);
}

/* Stores n words at sp, all or nothing as far as the guest is concerned. */
static inline int store_frame(uint64_t sp, const uint64_t *word, unsigned int n)
{
    if (unlikely(!gaddr_ok(sp, n * 8)))
        return -XEN_EFAULT;
    guest_access_on();
    for (unsigned int i = 0; i < n; i++) {
        __asm__ goto volatile("1: mov %1, (%0)\n\t" EXTABLE("1b", "%l[fault]")
                              :
                              : "r"(sp + i * 8), "r"(word[i])
                              : "memory"
                              : fault);
    }
    guest_access_off();
    return 0;
fault:
    guest_access_off();
    return -XEN_EFAULT;
}

/*
 * Builds the frame with `extra` words between r11 and rip, and points r at the callback. mask: the
 * handler starts with events masked.
 */
static inline __attribute__((always_inline)) void bounce(struct vcpu *v, struct guest_regs *r,
                                                         uint64_t callback, bool mask,
                                                         const uint64_t *extra,
                                                         unsigned int n_extra)
{
    uint8_t masked = v->info->evtchn_upcall_mask;
    uint64_t cs = r->cs;
    uint64_t sp;
    uint64_t frame[12];
    unsigned int n = 0;

    if (unlikely(!callback)) {
        dom_crash(v->dom, "it has no handler for what happened");
        return;
    }
    frame[n++] = r->rcx;
    frame[n++] = r->r11;
    for (unsigned int i = 0; i < n_extra; i++)
        frame[n++] = extra[i];
    frame[n++] = r->rip;
    if (v->arch.in_kernel) {
        cs &= ~3ul;
        sp = r->rsp;
    } else {
        pv_toggle_mode(v);
        sp = v->arch.kernel_sp;
    }
    frame[n++] = (uint32_t)cs | (uint64_t)masked << 32;
    frame[n++] =
        (r->rflags & ~(uint64_t)(FLAGS_IF | FLAGS_IOPL)) | (masked ? 0 : FLAGS_IF) |
        (v->dom->vm_assist & 1u << VMASST_TYPE_architectural_iopl ? (uint64_t)v->arch.iopl << 12
                                                                  : 0);
    frame[n++] = r->rsp;
    frame[n++] = r->ss;
    sp = (sp & ~15ul) - n * 8;
    if (unlikely(store_frame(sp, frame, n))) {
        log_guest(v->dom, LOG_ERR, "v%u: no stack for an exception or event: sp %lx, rip %lx\n",
                  v->id, sp, r->rip);
        dom_crash(v->dom, "its kernel stack cannot be written");
        return;
    }
    if (mask)
        v->info->evtchn_upcall_mask = 1;
    r->rip = callback;
    r->cs = 0xe033;
    r->ss = 0xe02b;
    r->rsp = sp;
    r->rflags &= ~(uint64_t)(FLAGS_TF | FLAGS_VM | FLAGS_RF | FLAGS_NT | FLAGS_AC);
    r->entry = ENTRY_SYSCALL;
}

void pv_trap(struct vcpu *v, struct guest_regs *r, unsigned int vector, int64_t error_code)
{
    const struct trap_gate *gate = &v->arch.trap[vector];
    uint64_t code = (uint64_t)error_code;

    if (unlikely(!gate->address))
        log_guest(v->dom, LOG_ERR, "v%u: exception %u (code %lx) at %lx without a handler\n", v->id,
                  vector, (unsigned long)code & 0xffff, r->rip);
    bounce(v, r, gate->address, gate->flags & GATE_MASK, &code, error_code >= 0);
}

void pv_page_fault(struct vcpu *v, struct guest_regs *r, uint64_t address, uint32_t error_code)
{
    const struct trap_gate *gate = &v->arch.trap[14];
    uint64_t code = error_code;

    v->info->arch.cr2 = v->arch.cr2 = address;
    /* The guest kernel runs in ring 3 too; it is told "user" only of user mode's faults. */
    if (v->arch.in_kernel)
        code &= ~4ul;
    if (unlikely(!gate->address))
        log_guest(v->dom, LOG_ERR, "v%u: page fault on %lx (code %lx) at %lx without a handler\n",
                  v->id, address, code, r->rip);
    bounce(v, r, gate->address, gate->flags & GATE_MASK, &code, 1);
}

void pv_gp(struct vcpu *v, struct guest_regs *r, uint32_t error_code)
{
    pv_trap(v, r, 13, error_code);
}

void pv_event(struct vcpu *v, struct guest_regs *r)
{
    bounce(v, r, v->arch.event_cb, true, NULL, 0);
}

void pv_syscall(struct vcpu *v, struct guest_regs *r, uint64_t callback, uint8_t flags)
{
    /* A kernel without an entry for system calls has none: to its user, SYSCALL is no instruction.
     */
    if (unlikely(!callback)) {
        r->rip -= 2;
        pv_trap(v, r, 6, -1);
        return;
    }
    bounce(v, r, callback, flags & CALLBACKF_mask_events, NULL, 0);
}

void pv_failsafe(struct vcpu *v, struct guest_regs *r)
{
    uint64_t selector[4] = {v->arch.ds, v->arch.es, v->arch.fs, v->arch.gs};

    bounce(v, r, v->arch.failsafe_cb, v->arch.failsafe_cb_flags & CALLBACKF_mask_events, selector,
           4);
}

void pv_nmi(struct vcpu *v, struct guest_regs *r)
{
    const struct trap_gate *gate = &v->arch.trap[2];

    bounce(v, r, v->arch.nmi_cb ? v->arch.nmi_cb : gate->address, true, NULL, 0);
}
