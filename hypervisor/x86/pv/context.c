/* A vcpu's machine state as a whole: made, set from the ABI's vcpu_guest_context, read back into
 * one, dropped. Used by VCPUOP_initialise, by the tools (domctl), and by the dom0 builder. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/frame/frame.h"
#include "core/pgtype/pgtype.h"
#include "hc/hc.h"
#include "port/frame.h"
#include "port/wall.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/ctxsw.h"
#include "x86/desc.h"
#include "x86/pv/bounce.h"
#include "x86/pv/regs.h"

/* struct vcpu and its XSAVE area share a frame. */
#define XSAVE_OFFSET ((sizeof(struct vcpu) + 63) & ~63ul)

int x86_vcpu_init(struct vcpu *v)
{
    if (XSAVE_OFFSET + cpu_xsave_size > FRAME_SIZE)
        return -XEN_ENOMEM;
    v->arch.trap = hv_page_alloc();
    if (!v->arch.trap)
        return -XEN_ENOMEM;
    if (window_alloc(v)) {
        hv_page_free(v->arch.trap);
        return -XEN_ENOMEM;
    }
    v->arch.xsave = (uint8_t *)v + XSAVE_OFFSET;
    fpu_reset(v);
    v->arch.kernel_l4 = v->arch.user_l4 = MFN_NONE;
    v->arch.in_kernel = true;
    v->arch.dr6 = 0xffff0ff0;
    v->arch.dr7 = 0x400;
    return 0;
}

void x86_vcpu_free(struct vcpu *v)
{
    window_free(v);
    hv_page_free(v->arch.trap);
}

/* Selectors of guest code run in ring 3, whatever RPL the guest wrote. */
static uint16_t guest_selector(uint64_t selector)
{
    return (uint16_t)(selector | 3);
}

static bool context_ok(const struct vcpu_guest_context *c)
{
    const uint64_t addresses[] = {
        c->user_regs.rip,         c->user_regs.rsp, c->kernel_sp,
        c->event_callback_eip,    c->fs_base,       c->gs_base_kernel,
        c->failsafe_callback_eip, c->gs_base_user,  c->syscall_callback_eip,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(addresses); i++)
        if (!canonical(addresses[i]))
            return false;
    for (unsigned int i = 0; i < 256; i++)
        if (!canonical(c->trap_ctxt[i].address))
            return false;
    return c->gdt_ents <= GDT_GUEST_PAGES * 512 && c->ldt_ents <= 8192;
}

static void set_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    const struct cpu_user_regs *u = &c->user_regs;
    struct guest_regs *r = &v->arch.regs;

    regs_from_abi(r, u);
    r->cs = guest_selector(u->cs);
    r->ss = guest_selector(u->ss);
    r->rflags = pv_clean_flags(u->rflags);
    r->entry = ENTRY_IRET;
    v->arch.ds = u->ds;
    v->arch.es = u->es;
    v->arch.fs = u->fs;
    v->arch.gs = u->gs;
    v->arch.in_kernel = c->flags & VGCF_in_kernel;
    v->arch.iopl = u->rflags >> 12 & 3;
    v->arch.kernel_ss = guest_selector(c->kernel_ss);
    v->arch.kernel_sp = c->kernel_sp;
    v->arch.fs_base = c->fs_base;
    v->arch.gs_kernel = c->gs_base_kernel;
    v->arch.gs_user = c->gs_base_user;
    /* A restored kernel goes on with what it had switched on, FSGSBASE for one. */
    v->arch.cr4 = pv_own_cr4(c->ctrlreg[4]);
    v->arch.fpu_ts = c->ctrlreg[0] & CR0_TS;
}

static void set_callbacks(struct vcpu *v, const struct vcpu_guest_context *c)
{
    v->arch.event_cb = c->event_callback_eip;
    v->arch.failsafe_cb = c->failsafe_callback_eip;
    v->arch.syscall_cb = c->syscall_callback_eip;
    v->arch.failsafe_cb_flags =
        c->flags & VGCF_failsafe_disables_events ? CALLBACKF_mask_events : 0;
    v->arch.syscall_cb_flags = c->flags & VGCF_syscall_disables_events ? CALLBACKF_mask_events : 0;
    for (unsigned int i = 0; i < 256; i++)
        v->arch.trap[i] = (struct trap_gate){
            .address = c->trap_ctxt[i].address,
            .cs = guest_selector(c->trap_ctxt[i].cs),
            .flags = c->trap_ctxt[i].flags & 7,
        };
}

static void set_debug(struct vcpu *v, const struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < 8; i++)
        if (i != 4 && i != 5)
            (void)pv_set_debugreg(v, i, c->debugreg[i]);
}

/* FPU image of the context (FXSAVE form) into the XSAVE area. */
static void set_fpu(struct vcpu *v, const struct vcpu_guest_context *c)
{
    fpu_reset(v);
    if (!(c->flags & VGCF_i387_valid))
        return;
    memcpy(v->arch.xsave, &c->fpu_ctxt, 512);
    /* Reserved MXCSR bits would make the load fault. */
    *(uint32_t *)((uint8_t *)v->arch.xsave + 24) &= 0xffff;
}

int x86_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    mfn_t gdt[GDT_GUEST_PAGES];
    mfn_t kernel = maddr_mfn(c->ctrlreg[3]);
    mfn_t user = c->ctrlreg[1] ? maddr_mfn(c->ctrlreg[1]) : MFN_NONE;

    if (!context_ok(c))
        return -XEN_EINVAL;
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
        gdt[i] = mfn(c->gdt_frames[i]);
    long error = pgt_set_base(v, kernel, user);
    if (error)
        return error == HC_AGAIN ? -XEN_EAGAIN : (int)error;
    error = pgt_set_gdt(v, gdt, (unsigned int)c->gdt_ents);
    if (!error)
        error = pgt_set_ldt(v, c->ldt_base, c->ldt_ents);
    if (error)
        return (int)error;
    set_registers(v, c);
    set_callbacks(v, c);
    set_debug(v, c);
    set_fpu(v, c);
    /* The tools' vcpu 0 brings the domain's assists along; a guest's own vcpus do not take any
     * away. */
    v->dom->vm_assist |= (uint32_t)c->vm_assist & PV_VM_ASSISTS;
    v->initialised = true;
    if (!v->id)
        wall_publish(v->dom); /* not earlier: builders wipe shared_info */
    return 0;
}

void x86_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    regs_to_abi(&c->user_regs, &v->arch.regs);
    c->user_regs.ds = v->arch.ds;
    c->user_regs.es = v->arch.es;
    c->user_regs.fs = v->arch.fs;
    c->user_regs.gs = v->arch.gs;
    /* The guest's own view: IF shows its event mask, IOPL its virtual one. */
    c->user_regs.rflags = (v->arch.regs.rflags & ~(uint64_t)FLAGS_IOPL) | (uint64_t)v->arch.iopl
                                                                              << 12;
    memcpy(&c->fpu_ctxt, v->arch.xsave, 512);
    c->flags = VGCF_i387_valid;
    if (v->arch.in_kernel)
        c->flags |= VGCF_in_kernel;
    if (v->arch.failsafe_cb_flags & CALLBACKF_mask_events)
        c->flags |= VGCF_failsafe_disables_events;
    if (v->arch.syscall_cb_flags & CALLBACKF_mask_events)
        c->flags |= VGCF_syscall_disables_events;
    if (!(v->sched.reasons & SCHED_DOWN))
        c->flags |= VGCF_online;
    for (unsigned int i = 0; i < 256; i++) {
        c->trap_ctxt[i].vector = (uint8_t)i;
        c->trap_ctxt[i].flags = v->arch.trap[i].flags;
        c->trap_ctxt[i].cs = v->arch.trap[i].cs;
        c->trap_ctxt[i].address = v->arch.trap[i].address;
    }
    c->ldt_base = v->arch.ldt_va;
    c->ldt_ents = v->arch.ldt_entries;
    c->gdt_ents = v->arch.gdt_entries;
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
        if (!mfn_eq(v->arch.gdt_frame[i], MFN_NONE))
            c->gdt_frames[i] = v->arch.gdt_frame[i].n;
    c->kernel_ss = v->arch.kernel_ss;
    c->kernel_sp = v->arch.kernel_sp;
    c->ctrlreg[0] = PV_CR0 | (v->arch.fpu_ts ? CR0_TS : 0);
    c->ctrlreg[3] = mfn_maddr(v->arch.kernel_l4);
    if (!mfn_eq(v->arch.user_l4, MFN_NONE))
        c->ctrlreg[1] = mfn_maddr(v->arch.user_l4);
    c->ctrlreg[4] = pv_cr4(v);
    for (unsigned int i = 0; i < 4; i++)
        c->debugreg[i] = v->arch.dr[i];
    c->debugreg[6] = v->arch.dr6;
    c->debugreg[7] = v->arch.dr7;
    c->event_callback_eip = v->arch.event_cb;
    c->failsafe_callback_eip = v->arch.failsafe_cb;
    c->syscall_callback_eip = v->arch.syscall_cb;
    c->vm_assist = v->dom->vm_assist;
    c->fs_base = v->arch.fs_base;
    c->gs_base_kernel = v->arch.gs_kernel;
    c->gs_base_user = v->arch.gs_user;
}

long x86_vcpu_drop(struct vcpu *v)
{
    desc_drop_gdt(v);
    desc_drop_ldt(v);
    return pgt_drop_base(v);
}
