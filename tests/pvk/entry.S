/*
 * Every way into the test kernel: start, traps, callbacks, and the hypercall gate.
 *
 * Built twice. With PVK_HYPERCALL_PAGE the image carries that ELF note and calls through the page; without
 * it, it executes SYSCALL itself, as current Linux does, and asks for its p2m outside the initial block.
 */
#include "asm_defs.h"

#include <xen/elfnote.h>

    .macro NOTE type
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:
    .endm
    .macro NOTE_END
2:
    .balign 4
    .popsection
    .endm
    .macro NOTE_STR type, str
    NOTE \type
    .asciz "\str"
    NOTE_END
    .endm
    .macro NOTE_QUAD type, value
    NOTE \type
    .quad \value
    NOTE_END
    .endm

    NOTE_STR XEN_ELFNOTE_GUEST_OS, "argon-pvk"
    NOTE_STR XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
    NOTE_STR XEN_ELFNOTE_LOADER, "generic"
    NOTE_STR XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb"
    NOTE_STR XEN_ELFNOTE_PAE_MODE, "yes"
    NOTE_QUAD XEN_ELFNOTE_VIRT_BASE, VIRT_BASE
    NOTE_QUAD XEN_ELFNOTE_PADDR_OFFSET, 0
    NOTE_QUAD XEN_ELFNOTE_ENTRY, pvk_start
    NOTE_QUAD XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000
#ifdef PVK_HYPERCALL_PAGE
    NOTE_QUAD XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page
#else
    NOTE_QUAD XEN_ELFNOTE_INIT_P2M, 0x8000000000
    NOTE_QUAD XEN_ELFNOTE_MOD_START_PFN, 1
    NOTE XEN_ELFNOTE_SUPPORTED_FEATURES
    .long 0x801
    NOTE_END
    NOTE XEN_ELFNOTE_L1_MFN_VALID
    .quad 1, 1
    NOTE_END
#endif

    .section .text.hypercall_page, "ax"
    .globl hypercall_page
#ifdef PVK_HYPERCALL_PAGE
    .balign 4096
hypercall_page:
    .fill 4096, 1, 0xcc
#else
hypercall_page = 0
#endif

    .text
/* Before anything else: the registers as the hypervisor handed them over, for the property 'entry-state'. */
    .globl pvk_start
pvk_start:
    mov %rax, entry_regs + 0 * 8(%rip)
    mov %rbx, entry_regs + 1 * 8(%rip)
    mov %rcx, entry_regs + 2 * 8(%rip)
    mov %rdx, entry_regs + 3 * 8(%rip)
    mov %rsi, entry_regs + 4 * 8(%rip)
    mov %rdi, entry_regs + 5 * 8(%rip)
    mov %rbp, entry_regs + 6 * 8(%rip)
    mov %rsp, entry_regs + 7 * 8(%rip)
    mov %r8,  entry_regs + 8 * 8(%rip)
    mov %r9,  entry_regs + 9 * 8(%rip)
    mov %r10, entry_regs + 10 * 8(%rip)
    mov %r11, entry_regs + 11 * 8(%rip)
    mov %r12, entry_regs + 12 * 8(%rip)
    mov %r13, entry_regs + 13 * 8(%rip)
    mov %r14, entry_regs + 14 * 8(%rip)
    mov %r15, entry_regs + 15 * 8(%rip)
    pushfq
    popq entry_regs + 16 * 8(%rip)
    mov %cs, entry_regs + 17 * 8(%rip)
    mov %ss, entry_regs + 18 * 8(%rip)
    mov %ds, entry_regs + 19 * 8(%rip)
    mov %es, entry_regs + 20 * 8(%rip)
    mov %fs, entry_regs + 21 * 8(%rip)
    mov %gs, entry_regs + 22 * 8(%rip)
    cld
    lea vcpu_areas + MAIN_STACK_TOP(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call pvk_main
    ud2

/* Start of a vCPU brought up by vcpu_start(): rsp stands at the top of its main stack. */
    .globl ap_start
ap_start:
    cld
    xor %ebp, %ebp
    call vcpu_main
    ud2

/*
 * Number in rax, arguments in rdi, rsi, rdx, r10, r8; result in rax. rcx and r11 survive, as with the
 * stubs of a hypercall page, which hold 128 calls only.
 */
    .globl hypercall_entry
hypercall_entry:
#ifdef PVK_HYPERCALL_PAGE
    cmp $128, %rax
    jae 1f
    shl $5, %eax
    add $hypercall_page, %rax
    jmp *%rax
1:
#endif
    push %rcx
    push %r11
    syscall
    pop %r11
    pop %rcx
    ret

/* Frame at entry: rcx, r11, [error code], rip, cs, rflags, rsp, ss. */
    .macro TRAP n, error=0
    .balign 16
trap_\n:
    pop %rcx
    pop %r11
    .if \error == 0
    push $0
    .endif
    push $\n
    jmp trap_common
    .endm

    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 31
    TRAP \n
    .endr
    .irp n, 8, 10, 11, 12, 13, 14, 17, 21, 29, 30
    TRAP \n, 1
    .endr
    .irp n, 0x40, 0x80, 0xff
    TRAP \n
    .endr

    .globl entry_event, entry_syscall, entry_syscall32, entry_sysenter, entry_nmi, entry_failsafe
    .macro CALLBACK name, vector
    .balign 16
\name:
    pop %rcx
    pop %r11
    push $0
    push $\vector
    jmp trap_common
    .endm
    CALLBACK entry_event, VEC_EVENT
    CALLBACK entry_syscall, VEC_SYSCALL
    CALLBACK entry_syscall32, VEC_SYSCALL32
    CALLBACK entry_sysenter, VEC_SYSENTER
    CALLBACK entry_nmi, VEC_NMI

/* Frame at entry: rcx, r11, ds, es, fs, gs, rip, cs, rflags, rsp, ss. */
    .balign 16
entry_failsafe:
    pop %rcx
    pop %r11
    pop failsafe_selectors + 0(%rip)
    pop failsafe_selectors + 8(%rip)
    pop failsafe_selectors + 16(%rip)
    pop failsafe_selectors + 24(%rip)
    push $0
    push $VEC_FAILSAFE
    jmp trap_common

    .balign 16
trap_common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap_handler
    mov %rbx, %rsp
    .globl trap_return
trap_return:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    push $0
    .globl iret_gate
iret_gate:
#ifdef PVK_HYPERCALL_PAGE
    jmp hypercall_page + __HYPERVISOR_iret * 32
#else
    push %rcx
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2
#endif

/* void frame_load(const struct regs *frame): leaves through the frame, never returns. */
    .globl frame_load
frame_load:
    mov %rdi, %rsp
    jmp trap_return

/* int context_save(struct context *): 0 at first, the value given to context_load later. */
    .globl context_save
context_save:
    mov %rbx, 0(%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 48(%rdi)
    mov (%rsp), %rax
    mov %rax, 56(%rdi)
    xor %eax, %eax
    ret

    .globl context_load
context_load:
    mov 0(%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    mov %esi, %eax
    jmp *56(%rdi)

    .section .rodata
    .balign 8
    .globl trap_entries
trap_entries:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .quad trap_\n
    .endr
    .quad trap_0x40, trap_0x80, trap_0xff

    .bss
    .balign 8
    .globl entry_regs, failsafe_selectors
entry_regs:
    .fill 24, 8, 0
failsafe_selectors:
    .fill 4, 8, 0

    .section .note.GNU-stack, "", @progbits
