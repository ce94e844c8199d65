/* What the machine keeps per vcpu and per domain, and how to find the running vcpu.
 *
 * Offsets of the fields that assembler uses come from offsets.c. */
#ifndef X86_PORT_VCPU_H
#define X86_PORT_VCPU_H

#include "abi/abi.h"
#include "base/num.h"
#include "x86/percpu.h"

/* The guest's registers as the entry code pushes them, lowest address first. */
struct guest_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, rcx, rax, r9;
    union {
        struct {
            uint64_t rdi, rsi, rdx, r10, r8;
        };
        uint64_t arg[5]; /* a hypercall's */
    };
    uint32_t error_code;
    uint32_t entry; /* a vector on the way in, or ENTRY_* */
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Of guest_regs.entry: ENTRY_SYSCALL alone lets the exit use SYSRET. Else an exception vector, or
 * 0. */
#define ENTRY_IRET    0u
#define ENTRY_SYSCALL 0xffffffffu

struct trap_gate {
    uint64_t address;
    uint16_t cs;
    uint8_t flags; /* DPL in bits 0-1, TI mask-events in bit 2 */
};

struct vcpu_arch {
    /* Hot: touched at each entry, exit and mode switch. */
    bool in_kernel;           /* guest kernel mode (else guest user mode) */
    uint8_t iopl;             /* virtual IOPL */
    uint32_t io_bitmap_ports; /* PHYSDEVOP_set_iobitmap: ports it covers */
    uint64_t io_bitmap_va;
    bool fpu_ts;     /* virtual CR0.TS */
    mfn_t kernel_l4; /* base pointers; both hold a type reference. user: MFN_NONE if none */
    mfn_t user_l4;
    uint64_t kernel_sp, kernel_ss;
    uint64_t event_cb, failsafe_cb, syscall_cb, syscall32_cb, sysenter_cb;
    uint8_t failsafe_cb_flags, syscall_cb_flags, syscall32_cb_flags,
        sysenter_cb_flags;                /* CALLBACKF_mask_events */
    uint64_t gs_kernel, gs_user, fs_base; /* valid while it does not run */
    uint64_t cr4;                         /* as the guest believes */
    uint64_t dr[4], dr6, dr7;
    uint8_t debug_event; /* the exception that paused a debugged domain; 0: none, or told */
    uint64_t xcr0;
    void *xsave;      /* XSAVE area, 64-byte aligned */
    uint32_t fpu_cpu; /* where it was last loaded or saved */
    uint32_t tsc_aux;
    uint64_t time_stamp; /* percpu.time_stamp that info->time shows */

    struct trap_gate *trap; /* 256 of them: one frame */

    /* Descriptor tables: frames of type SEGDESC, one use each; mapped in this vcpu's window. */
    mfn_t gdt_frame[14];
    uint16_t gdt_entries;
    uint16_t ldt_entries;
    uint64_t ldt_va;
    mfn_t ldt_frame[16]; /* mapped on demand, MFN_NONE else */
    uint32_t window;     /* number of its descriptor window */
    uint32_t gdt_cpu;    /* whose own GDT page its window shows */

    uint16_t ds, es, fs, gs;
    struct guest_regs regs; /* while it does not run */

    bool nmi_pending;
    uint64_t nmi_cb;
};

struct dom_arch {
    uint64_t dirty_cpus;     /* CPUs whose TLB may hold its mappings; atomic */
    struct dom_pirqs *pirqs; /* x86/pirq.c; NULL: none yet */
    mfn_t pirq_eoi_frame;    /* bits of pirqs that need an EOI; frame 0: none */
    void *cpuid_policy;
};

#endif
