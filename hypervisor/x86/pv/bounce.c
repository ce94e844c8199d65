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
#include "x86/desc.h"
#include "x86/entry/entry.h"
#include "x86/paging.h"
#include "x86/tlb.h"

#define GATE_DPL  3
#define GATE_MASK 4 /* the handler starts with events masked (xen.h, trap_info flags) */

/* From guest user mode to guest kernel mode or back: segment bases and page tables. */
static inline __attribute__((always_inline)) void toggle_mode(struct vcpu *v, struct guest_regs *r,
                                                              const bool in_kernel)
{
    struct percpu *pc = frame_percpu(r);
    mfn_t next = in_kernel ? v->arch.kernel_l4 : v->arch.user_l4;

    v->arch.in_kernel = in_kernel;
    __asm__ volatile("swapgs" ::: "memory");
    pc->cr3 = next;
    write_cr3(mfn_maddr(next));
    tlb_note_flush(pc);
    if (in_kernel && unlikely(v->areas_stale))
        vcpu_areas_update(v);
}

/* One word of the frame, at a constant distance from its lowest address. */
#define STORE(word, value)                                                                         \
    __asm__ goto volatile("1: mov %1, %c2(%0)\n\t" EXTABLE("1b", "%l[fault]")                      \
                          :                                                                        \
                          : "r"(sp), "r"((uint64_t)(value)), "i"((word)*8)                         \
                          : "memory"                                                               \
                          : fault)

static __attribute__((noinline, cold)) void no_handler(struct vcpu *v)
{
    dom_crash(v->dom, "it has no handler for what happened");
}

static __attribute__((noinline, cold)) void no_stack(struct vcpu *v, const struct guest_regs *r,
                                                     uint64_t sp)
{
    log_guest(v->dom, LOG_ERR, "v%u: no stack for an exception or event: sp %lx, rip %lx\n", v->id,
              sp, r->rip);
    dom_crash(v->dom, "its kernel stack cannot be written");
}

/*
 * Builds the frame, with the error code or four selectors between r11 and rip, each word straight
 * from where it is to where it goes, and points r at the callback. mask: the handler starts with
 * events masked. False: the domain has crashed.
 */
static inline __attribute__((always_inline)) bool bounce(struct vcpu *v, struct guest_regs *r,
                                                         uint64_t callback, bool mask,
                                                         const uint64_t *extra,
                                                         const unsigned int n_extra)
{
    struct vcpu_info *info = v->info;
    uint8_t masked = info->evtchn_upcall_mask;
    uint64_t flags = r->rflags & ~(uint64_t)(FLAGS_IF | FLAGS_IOPL);
    uint64_t cs = (uint32_t)r->cs, sp;

    if (unlikely(!callback)) {
        no_handler(v);
        return false;
    }
    if (v->arch.in_kernel) {
        cs &= ~3ul;
        sp = r->rsp;
    } else {
        toggle_mode(v, r, true);
        sp = v->arch.kernel_sp;
    }
    sp = (sp & ~15ul) - (7 + n_extra) * 8;
    if (unlikely(!gaddr_start_ok(sp)))
        goto bad;
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
    STORE(3 + n_extra, cs | (uint64_t)masked << 32);
    STORE(4 + n_extra, masked ? flags : flags | FLAGS_IF);
    STORE(5 + n_extra, r->rsp);
    STORE(6 + n_extra, r->ss);
    guest_access_off();
    if (mask)
        info->evtchn_upcall_mask = 1;
    r->rip = callback;
    r->cs = FLAT_CS;
    r->ss = FLAT_SS;
    r->rsp = sp;
    r->rflags &= ~(uint64_t)(FLAGS_TF | FLAGS_VM | FLAGS_RF | FLAGS_NT | FLAGS_AC);
    r->entry = ENTRY_SYSCALL;
    return true;
fault:
    guest_access_off();
bad:
    no_stack(v, r, sp);
    return false;
}

/* The reverse of STORE. */
#define LOAD(to, word)                                                                             \
    __asm__ goto volatile("1: mov %c2(%1), %0\n\t" EXTABLE("1b", "%l[fault]")                      \
                          : "=r"(to)                                                               \
                          : "r"(sp), "i"((word)*8)                                                 \
                          :                                                                        \
                          : fault)

/* May SYSRET go there: where rcx and r11 need not be what the frame says, and all else is flat. */
static inline bool sysret_does(const struct guest_regs *r)
{
    return r->cs == FLAT_CS && r->ss == FLAT_SS && canonical(r->rip) &&
           !(r->rflags & (FLAGS_TF | FLAGS_RF));
}

static __attribute__((noinline, cold)) void no_user_tables(struct vcpu *v)
{
    log_guest(v->dom, LOG_ERR, "v%u: iret to user mode without user page tables\n", v->id);
    dom_crash(v->dom, "iret to user mode without user page tables");
}

/*
 * The words of struct iret_context move straight into r: if one cannot be read, the domain ends, so
 * nobody sees a half.
 */
uint64_t pv_iret(struct vcpu *v, struct guest_regs *r)
{
    uint64_t sp = r->rsp, rax, flags, cs, rflags, word;

    if (unlikely(!gaddr_start_ok(sp)))
        goto bad;
    guest_access_on();
    LOAD(rax, 0);
    LOAD(word, 1);
    r->r11 = word;
    LOAD(word, 2);
    r->rcx = word;
    LOAD(flags, 3);
    LOAD(word, 4);
    r->rip = word;
    LOAD(cs, 5);
    r->cs = (cs & 0xffff) | 3;
    LOAD(rflags, 6);
    r->rflags = pv_clean_flags(rflags);
    LOAD(word, 7);
    r->rsp = word;
    LOAD(word, 8);
    r->ss = (word & 0xffff) | 3;
    guest_access_off();
    if ((cs & 3) == 3) {
        if (unlikely(mfn_eq(v->arch.user_l4, MFN_NONE))) {
            no_user_tables(v);
            return 0;
        }
        toggle_mode(v, r, false);
    }
    r->entry = unlikely(flags & VGCF_in_syscall) && sysret_does(r) ? ENTRY_SYSCALL : ENTRY_IRET;
    v->info->evtchn_upcall_mask = !(rflags & FLAGS_IF);
    if (unlikely(v->dom->vm_assist & 1u << VMASST_TYPE_architectural_iopl))
        v->arch.iopl = rflags >> 12 & 3;
    return rax;
fault:
    guest_access_off();
bad:
    log_guest(v->dom, LOG_ERR, "v%u: iret with an unreadable stack %lx\n", v->id, sp);
    dom_crash(v->dom, "iret from an unreadable stack");
    return 0;
}

void pv_trap(struct vcpu *v, struct guest_regs *r, unsigned int vector, int64_t error_code)
{
    const struct trap_gate *gate = &v->arch.trap[vector];
    uint64_t code = (uint64_t)error_code;

    if (unlikely(!gate->address))
        log_guest(v->dom, LOG_ERR, "v%u: exception %u (code %lx) at %lx without a handler\n", v->id,
                  vector, (unsigned long)code & 0xffff, r->rip);
    if (error_code >= 0)
        bounce(v, r, gate->address, gate->flags & GATE_MASK, &code, 1);
    else
        bounce(v, r, gate->address, gate->flags & GATE_MASK, NULL, 0);
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

bool pv_event(struct vcpu *v, struct guest_regs *r)
{
    return bounce(v, r, v->arch.event_cb, true, NULL, 0);
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
