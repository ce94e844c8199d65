/* Sends a guest vcpu to its kernel's entry points.
 *
 * The frame on the guest kernel's stack, lowest address first (measured on Xen 4.17):
 *   rcx r11 [ds es fs gs] [error code] rip cs rflags rsp ss
 * with the upcall mask of the moment in bits 32-39 of cs, RPL 0 in the cs of an interrupted guest
 * kernel, and IF showing the inverse of the mask. Entry points begin by popping rcx and r11, which
 * is why the hypervisor may leave to them with SYSRET. */
#include "x86/pv/bounce.h"

#include "hc/hc.h"
#include "hc/vcpu.h"
#include "port/guestmem.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/desc.h"
#include "x86/entry/leave.h"
#include "x86/paging.h"
#include "x86/percpu.h"

#define GATE_MASK 4 /* the handler starts with events masked (xen.h, trap_info flags) */

/* Fault codes, a bit each of a set by the code's low bits, that are not simply the guest's own. */
#define PF_USER     4u
#define PF_RESERVED 8u
#define PF_ODD      0xff8fff8fu /* reserved bit, or not from ring 3, or a write to what is there */

/* From guest user mode to guest kernel mode or back: segment bases and page tables. */
static inline __attribute__((always_inline)) void set_mode(struct vcpu *v, struct guest_regs *r,
                                                           const bool in_kernel)
{
    struct percpu *pc = frame_percpu(r);
    mfn_t next = in_kernel ? v->arch.kernel_l4 : v->arch.user_l4;

    v->arch.in_kernel = in_kernel;
    __asm__ volatile("swapgs" ::: "memory");
    pc->cr3 = next;
    write_cr3(mfn_maddr(next));
    tlb_note_flush(pc);
}

/* One word of the guest's stack, at a constant distance from sp. */
#define STORE(word, value)                                                                         \
    __asm__ goto volatile("1: movq %1, %c2(%0)\n\t" EXTABLE("1b", "%l[fault]")                     \
                          :                                                                        \
                          : "r"(sp), "er"((uint64_t)(value)), "i"((word)*8)                        \
                          : "memory"                                                               \
                          : fault)
#define LOAD(to, word)                                                                             \
    __asm__ goto volatile("1: movq %c2(%1), %0\n\t" EXTABLE("1b", "%l[fault]")                     \
                          : "=r"(to)                                                               \
                          : "r"(sp), "i"((word)*8)                                                 \
                          :                                                                        \
                          : fault)

/* What the vcpu did, where this is known when compiling. */
enum from {
    FROM_ANYWHERE,
    FROM_USER_SYSCALL,
    FROM_HYPERCALL, /* in kernel mode, events not masked */
};

/* Builds the frame, with n_extra words between r11 and rip, each word straight from where it is to
 * where it goes, and points r at the callback, but for what SYSRET does not need: bounced(). mask:
 * the handler starts with events masked. False: there is no callback or no stack. */
static inline __attribute__((always_inline)) bool bounce(struct vcpu *v, struct guest_regs *r,
                                                         const enum from from, uint64_t callback,
                                                         bool mask, const uint64_t *extra,
                                                         const unsigned int n_extra)
{
    struct vcpu_info *info = v->info;
    uint64_t masked = from == FROM_HYPERCALL ? 0 : info->evtchn_upcall_mask;
    uint64_t flags = r->rflags & ~(uint64_t)(FLAGS_IF | FLAGS_IOPL);
    uint64_t cs = from == FROM_ANYWHERE ? (uint16_t)r->cs : FLAT_CS;
    uint64_t sp;

    if (unlikely(!callback))
        return false;
    if (from == FROM_HYPERCALL || (from == FROM_ANYWHERE && v->arch.in_kernel)) {
        cs &= ~3ul;
        sp = r->rsp;
    } else {
        set_mode(v, r, true);
        sp = v->arch.kernel_sp;
    }
    sp = (sp & ~15ul) - (7 + n_extra) * 8;
    if (unlikely(!gaddr_start_ok(sp)))
        return false;
    if (unlikely(v->dom->vm_assist & 1u << VMASST_TYPE_architectural_iopl))
        flags |= (uint64_t)v->arch.iopl << 12;
    guest_access_on();
    STORE(0, r->rcx);
    STORE(1, r->r11);
    if (n_extra)
        STORE(2, extra[0]);
    if (n_extra == 4) {
        STORE(3, extra[1]);
        STORE(4, extra[2]);
        STORE(5, extra[3]);
    }
    STORE(2 + n_extra, r->rip);
    STORE(3 + n_extra, cs | masked << 32);
    STORE(4 + n_extra, masked ? flags : flags | FLAGS_IF);
    STORE(5 + n_extra, r->rsp);
    STORE(6 + n_extra, from == FROM_ANYWHERE ? r->ss : FLAT_SS);
    guest_access_off();
    if (mask)
        info->evtchn_upcall_mask = 1;
    r->rflags &= ~(uint64_t)(FLAGS_TF | FLAGS_VM | FLAGS_RF | FLAGS_NT | FLAGS_AC);
    r->rsp = sp;
    r->rip = callback;
    return true;
fault:
    guest_access_off();
    return false;
}

/* The rest of r after bounce(), and what was put off until guest kernel mode. */
static void bounced(struct vcpu *v, struct guest_regs *r)
{
    r->cs = FLAT_CS;
    r->ss = FLAT_SS;
    r->entry = ENTRY_SYSCALL;
    if (unlikely(v->areas_stale))
        vcpu_areas_update(v);
}

/* When bounce() says no. r is as it was. */
static __attribute__((noinline, cold)) void
cannot_bounce(struct vcpu *v, const struct guest_regs *r, uint64_t callback)
{
    if (!callback) {
        dom_crash(v->dom, "it has no handler for what happened");
        return;
    }
    log_guest(v->dom, LOG_ERR,
              "v%u: no stack for an exception or event: sp %lx, kernel's %lx, rip %lx\n", v->id,
              r->rsp, v->arch.kernel_sp, r->rip);
    dom_crash(v->dom, "its kernel stack cannot be written");
}

/* bounce() and what has to follow. */
static __attribute__((noinline)) void send(struct vcpu *v, struct guest_regs *r, uint64_t callback,
                                           bool mask, const uint64_t *code)
{
    if (likely(code ? bounce(v, r, FROM_ANYWHERE, callback, mask, code, 1)
                    : bounce(v, r, FROM_ANYWHERE, callback, mask, NULL, 0)))
        bounced(v, r);
    else
        cannot_bounce(v, r, callback);
}

/* ---- the quick ways: leaf functions that end where anything else has to be done ------------- */

static __attribute__((noinline, cold)) int leave_cannot_bounce(struct vcpu *v, struct guest_regs *r,
                                                               uint64_t callback)
{
    cannot_bounce(v, r, callback);
    return x86_leave(r);
}

static __attribute__((noinline)) int leave_bounced(struct vcpu *v, struct guest_regs *r)
{
    bounced(v, r);
    return x86_leave(r);
}

/* After bounce(). */
static inline __attribute__((always_inline)) int leave_to_handler(struct vcpu *v,
                                                                  struct guest_regs *r)
{
    if (unlikely(leave_has_work(v, r)) || unlikely(v->areas_stale))
        return leave_bounced(v, r);
    return LEAVE_QUICK_SYSRET;
}

int x86_page_fault(struct guest_regs *r)
{
    struct vcpu *v = frame_percpu(r)->current;
    uint32_t error_code = r->error_code;
    uint64_t address = read_cr2(), code = error_code;
    const struct trap_gate *gate = &v->arch.trap[14];

    if (unlikely(PF_ODD >> (error_code & 31) & 1) &&
        (v->arch.in_kernel || (error_code & (PF_RESERVED | PF_USER)) != PF_USER))
        return x86_odd_page_fault(v, r, address);
    v->info->arch.cr2 = address;
    /* The guest kernel runs in ring 3 too; it is told "user" only of user mode's faults. */
    if (v->arch.in_kernel)
        code &= ~(uint64_t)PF_USER;
    if (unlikely(!bounce(v, r, FROM_ANYWHERE, gate->address, gate->flags & GATE_MASK, &code, 1)))
        return leave_cannot_bounce(v, r, gate->address);
    return leave_to_handler(v, r);
}

static __attribute__((noinline)) int leave_no_syscall(struct vcpu *v, struct guest_regs *r)
{
    r->entry = ENTRY_IRET; /* RIP may be one that SYSRET must not see (checklist B1) */
    pv_syscall(v, r, 0, 0);
    return x86_leave(r);
}

int x86_user_syscall(struct vcpu *v, struct guest_regs *r)
{
    uint64_t callback = v->arch.syscall_cb;

    if (unlikely(!callback))
        return leave_no_syscall(v, r);
    if (unlikely(!bounce(v, r, FROM_USER_SYSCALL, callback,
                         v->arch.syscall_cb_flags & CALLBACKF_mask_events, NULL, 0)))
        return leave_cannot_bounce(v, r, callback);
    return leave_to_handler(v, r);
}

int x86_leave_event(struct guest_regs *r)
{
    struct vcpu *v = frame_percpu(r)->current;
    uint64_t callback = v->arch.event_cb;

    if (unlikely(!callback))
        return LEAVE_QUICK_SYSRET;
    if (unlikely(!bounce(v, r, FROM_HYPERCALL, callback, true, NULL, 0)))
        return leave_cannot_bounce(v, r, callback);
    return LEAVE_QUICK_SYSRET;
}

/* ---- IRET ----------------------------------------------------------------------------------- */

/* May SYSRET go there: where rcx and r11 need not be what the frame says, and all else is flat. */
static inline bool sysret_does(const struct guest_regs *r)
{
    return r->cs == FLAT_CS && r->ss == FLAT_SS && canonical(r->rip) &&
           !(r->rflags & (FLAGS_TF | FLAGS_RF));
}

/* The words of struct iret_context move straight into r: if one cannot be read the domain ends, so
 * nobody sees a half. False: that. */
static inline __attribute__((always_inline)) bool iret(struct vcpu *v, struct guest_regs *r)
{
    uint64_t sp = r->rsp, flags, cs, rflags, word;

    if (unlikely(!gaddr_start_ok(sp)))
        return false;
    guest_access_on();
    LOAD(word, 0);
    r->rax = word;
    LOAD(word, 1);
    r->r11 = word;
    LOAD(word, 2);
    r->rcx = word;
    LOAD(flags, 3);
    LOAD(word, 4);
    r->rip = word;
    LOAD(cs, 5);
    r->cs = (uint16_t)cs | 3;
    LOAD(rflags, 6);
    r->rflags = pv_clean_flags(rflags);
    LOAD(word, 8);
    r->ss = (uint16_t)word | 3;
    LOAD(word, 7);
    r->rsp = word; /* last: what comes after a fault prints where the frame was */
    guest_access_off();
    if ((cs & 3) == 3) {
        if (unlikely(mfn_eq(v->arch.user_l4, MFN_NONE)))
            return false;
        set_mode(v, r, false);
    }
    r->entry = unlikely(flags & VGCF_in_syscall) && sysret_does(r) ? ENTRY_SYSCALL : ENTRY_IRET;
    v->info->evtchn_upcall_mask = !(rflags & FLAGS_IF);
    if (unlikely(v->dom->vm_assist & 1u << VMASST_TYPE_architectural_iopl))
        v->arch.iopl = rflags >> 12 & 3;
    return true;
fault:
    guest_access_off();
    return false;
}

static __attribute__((noinline, cold)) int leave_cannot_iret(struct vcpu *v, struct guest_regs *r)
{
    log_guest(v->dom, LOG_ERR, "v%u: iret from stack %lx\n", v->id, r->rsp);
    dom_crash(v->dom, "iret from an unreadable stack, or to user mode without page tables");
    return x86_leave(r);
}

int x86_hypercall_iret(struct vcpu *v, struct guest_regs *r)
{
    if (unlikely(!iret(v, r)))
        return leave_cannot_iret(v, r);
    if (unlikely(leave_has_work(v, r)))
        return x86_leave(r);
    return r->entry == ENTRY_SYSCALL ? LEAVE_QUICK_SYSRET : LEAVE_QUICK_IRET;
}

/* In a multicall. The way out must look at the whole frame, then. */
long hc_iret(struct vcpu *v, uint64_t *arg)
{
    struct guest_regs *r = guest_frame();

    (void)arg;
    __atomic_or_fetch(&frame_percpu(r)->work, WORK_LEAVE, __ATOMIC_RELAXED);
    if (!iret(v, r))
        (void)leave_cannot_iret(v, r);
    return (long)r->rax;
}

/* ---- all else ------------------------------------------------------------------------------- */

void pv_trap(struct vcpu *v, struct guest_regs *r, unsigned int vector, int64_t error_code)
{
    const struct trap_gate *gate = &v->arch.trap[vector];
    uint64_t code = (uint64_t)error_code;

    if (unlikely(!gate->address))
        log_guest(v->dom, LOG_ERR, "v%u: exception %u (code %lx) at %lx without a handler\n", v->id,
                  vector, (unsigned long)code & 0xffff, r->rip);
    send(v, r, gate->address, gate->flags & GATE_MASK, error_code >= 0 ? &code : NULL);
}

void pv_page_fault(struct vcpu *v, struct guest_regs *r, uint64_t address, uint32_t error_code)
{
    v->info->arch.cr2 = address;
    pv_trap(v, r, 14, v->arch.in_kernel ? error_code & ~PF_USER : error_code);
}

void pv_gp(struct vcpu *v, struct guest_regs *r, uint32_t error_code)
{
    pv_trap(v, r, 13, error_code);
}

void pv_event(struct vcpu *v, struct guest_regs *r)
{
    send(v, r, v->arch.event_cb, true, NULL);
}

void pv_syscall(struct vcpu *v, struct guest_regs *r, uint64_t callback, uint8_t flags)
{
    /* A kernel without an entry for system calls has none: to its user, SYSCALL is no
     * instruction. */
    if (unlikely(!callback)) {
        r->rip -= 2;
        pv_trap(v, r, 6, -1);
        return;
    }
    send(v, r, callback, flags & CALLBACKF_mask_events, NULL);
}

void pv_failsafe(struct vcpu *v, struct guest_regs *r)
{
    uint64_t selector[4] = {v->arch.ds, v->arch.es, v->arch.fs, v->arch.gs};
    uint64_t callback = v->arch.failsafe_cb;

    if (bounce(v, r, FROM_ANYWHERE, callback, v->arch.failsafe_cb_flags & CALLBACKF_mask_events,
               selector, 4))
        bounced(v, r);
    else
        cannot_bounce(v, r, callback);
}

void pv_nmi(struct vcpu *v, struct guest_regs *r)
{
    const struct trap_gate *gate = &v->arch.trap[2];

    send(v, r, v->arch.nmi_cb ? v->arch.nmi_cb : gate->address, true, NULL);
}
