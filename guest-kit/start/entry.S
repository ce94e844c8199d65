/*
 * Every way into the guest: its first instruction, traps, and the upcall.
 *
 * The upcall comes only where it was asked for: upcalls are masked except inside SCHEDOP_block
 * (evt/evt.c), which opens the mask and sleeps in one step. So its entry has nothing to do but to mask
 * again and to go back, and since it comes from the same ring it needs no IRET hypercall for that.
 */
#include <xen/elfnote.h>

#include "start/upcall.inc"

    .macro NOTE type, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 9f - 8f, \type
    .asciz "Xen"
8:  \value
9:  .balign 4
    .popsection
    .endm

    NOTE XEN_ELFNOTE_GUEST_OS, .asciz "argon-kit"
    NOTE XEN_ELFNOTE_GUEST_VERSION, .asciz "1"
    NOTE XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    NOTE XEN_ELFNOTE_LOADER, .asciz "generic"
    NOTE XEN_ELFNOTE_PAE_MODE, .asciz "yes"
    NOTE XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"
    NOTE XEN_ELFNOTE_SUPPORTED_FEATURES, .long 0x801    /* runs as dom0 as well */
    NOTE XEN_ELFNOTE_VIRT_BASE, .quad gk_virt_base
    NOTE XEN_ELFNOTE_PADDR_OFFSET, .quad 0
    NOTE XEN_ELFNOTE_ENTRY, .quad gk_first_instruction
    NOTE XEN_ELFNOTE_HYPERCALL_PAGE, .quad gk_hypercall_page
    NOTE XEN_ELFNOTE_L1_MFN_VALID, .quad 1, 1

/* In .bss: the hypervisor fills the page, the file need not carry it. */
    .section .bss.hypercall, "aw", @nobits
    .balign 4096
    .globl gk_hypercall_page
gk_hypercall_page:
    .skip 4096

    .section .text.entry, "ax", @progbits
    .globl gk_first_instruction
gk_first_instruction:
    cld
    lea kit_boot_stack_top(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call kit_start
    ud2

    UPCALL kit_entry_upcall, kit_cpu0 + 8(%rip)  /* info: start/cpu.h */

/* Frame at entry: rcx, r11, [error code], rip, cs, rflags, rsp, ss. All registers are saved as struct gk_regs (start/trap.h). */
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
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 9, 16, 18, 19
    TRAP \n
    .endr
    .irp n, 8, 10, 11, 12, 13, 14, 17
    TRAP \n, 1
    .endr

    .balign 16
    .globl kit_entry_failsafe
kit_entry_failsafe:
    pop %rcx
    pop %r11
    add $32, %rsp
    push $0
    push $32
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
    xor %ebp, %ebp
    and $-16, %rsp
    call kit_trap
    mov %rbx, %rsp
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
    push $0                             /* flags of IRET: rax, r11, rcx are pushed by the stub */
    jmp gk_hypercall_page + 23 * 32     /* __HYPERVISOR_iret */

    .section .rodata.trap_entries, "a"
    .balign 8
    .globl kit_trap_entries
kit_trap_entries:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19
    .quad trap_\n
    .byte \n, 0, 0, 0, 0, 0, 0, 0
    .endr
    .globl kit_trap_entries_end
kit_trap_entries_end:

    .section .bss.boot_stack, "aw", @nobits
    .balign 4096
    .skip 8192
    .globl kit_boot_stack_top
kit_boot_stack_top:

    .section .note.GNU-stack, "", @progbits
