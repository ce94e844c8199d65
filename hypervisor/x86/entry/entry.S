/*
 * Ways in from a guest and back: SYSCALL, exceptions, interrupts; SYSRET and IRET.
 *
 * Each entry leaves a struct guest_regs (x86/port_vcpu.h) at the very top of the CPU's stack:
 *
 *      ss rsp rflags cs rip | entry:error_code | r8 r10 rdx rsi rdi | rcx rax r9 r11 rbx rbp r12-r15
 *
 * and passes its address to C. Interrupts are off all the time. GS and FS stay the guest's.
 * An exception from the hypervisor itself (a fault with a fix-up, an interrupt in idle) pushes the
 * same frame below what is on the stack.
 */
#include "x86/layout.h"
#include "hypervisor/offsets.h"

#define FLAT_CS 0xe033
#define FLAT_SS 0xe02b

.macro PUSH_REGS
        push %r8
        push %r10
        push %rdx
        push %rsi
        push %rdi
        push %rcx
        push %rax
        push %r9
        push %r11
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
.endm

.macro POP_REGS
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        pop %r11
        pop %r9
        pop %rax
        pop %rcx
        pop %rdi
        pop %rsi
        pop %rdx
        pop %r10
        pop %r8
.endm

        .text

/*
 * The stubs that LSTAR and CSTAR name, copied to the first page of each CPU's block: RIP-relative
 * offsets then reach that block. percpu_alloc() makes the jumps at their ends good.
 */
.macro STUB at                          /* the bytes at offset `at` of the block */
        mov %rsp, (PERCPU_DATA + PERCPU_SCRATCH - 7 - \at)(%rip)
        lea (STACK_TOP - 14 - \at)(%rip), %rsp
        .byte 0xe9
        .long 0
.endm

        .balign 64
        .globl syscall_stubs
syscall_stubs:
        STUB 0                          /* LSTAR */
        .balign 64
        STUB 64                         /* CSTAR */

        .balign 64
        .globl entry_syscall
entry_syscall:
        push $FLAT_SS
        push (PERCPU_DATA + PERCPU_SCRATCH - STACK_TOP + 8)(%rsp)
        push %r11
        push $FLAT_CS
        push %rcx
        push $-1                        /* entry = ENTRY_SYSCALL */
        PUSH_REGS
        mov %rsp, %rdi
        call x86_syscall

/* EAX: may SYSRET be used. The frame is at RSP. */
        .globl leave_guest
leave_guest:
        test %eax, %eax
        jz leave_iret
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        pop %r11
        pop %r9
        pop %rax
        pop %rcx
        pop %rdi
        pop %rsi
        pop %rdx
        pop %r10
        pop %r8
        pop %rcx                        /* error code */
        pop %rcx                        /* rip */
        pop %r11                        /* cs */
        pop %r11                        /* rflags */
        pop %rsp
        sysretq

        .globl leave_iret
leave_iret:
        POP_REGS
        add $8, %rsp
        .globl guest_iret
guest_iret:                             /* a fault here belongs to the guest: x86/trap.c */
        iretq

/* 32-bit SYSCALL from a guest's compatibility code (AMD), the CSTAR stub's target. */
        .globl entry_syscall32
entry_syscall32:
        push $FLAT_SS
        push (PERCPU_DATA + PERCPU_SCRATCH - STACK_TOP + 8)(%rsp)
        push %r11
        push $0xe023
        push %rcx
        push $0
        PUSH_REGS
        mov %rsp, %rdi
        call x86_syscall32
        jmp leave_guest

/* SYSENTER (Intel): RSP is the stack's top already; it saved neither RIP nor RSP. */
        .globl entry_sysenter
entry_sysenter:
        push $FLAT_SS
        push $0
        pushf
        push $3
        push $0
        push $0
        PUSH_REGS
        mov %rsp, %rdi
        call x86_sysenter
        jmp leave_guest

.macro EXCEPTION vector, has_error=0, ist=0
        .balign 16
exception_\vector:
        .if !\has_error
        push $0
        .endif
        movl $\vector, 4(%rsp)
        .if \ist
        jmp exception_ist
        .else
        jmp exception_common
        .endif
.endm

        EXCEPTION 0
        EXCEPTION 1, ist=1
        EXCEPTION 2, ist=1
        EXCEPTION 3
        EXCEPTION 4
        EXCEPTION 5
        EXCEPTION 6
        EXCEPTION 7
        EXCEPTION 8, has_error=1, ist=1
        EXCEPTION 9
        EXCEPTION 10, has_error=1
        EXCEPTION 11, has_error=1
        EXCEPTION 12, has_error=1
        EXCEPTION 13, has_error=1
        EXCEPTION 14, has_error=1
        EXCEPTION 15
        EXCEPTION 16
        EXCEPTION 17, has_error=1
        EXCEPTION 18, ist=1
        EXCEPTION 19
        EXCEPTION 20
        EXCEPTION 21, has_error=1
        .irp v, 22, 23, 24, 25, 26, 27, 28
        EXCEPTION \v
        .endr
        EXCEPTION 29, has_error=1
        EXCEPTION 30, has_error=1
        EXCEPTION 31

        .section .rodata
        .balign 8
        .globl exception_table
exception_table:
        .irp v, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        .quad exception_\v
        .endr
        .text

        .balign 16
exception_common:
        cld
        PUSH_REGS
        mov %rsp, %rdi
        testb $3, REGS_CS(%rsp)
        jz 1f
        call x86_trap
        jmp leave_guest
1:      call x86_trap_hv
        jmp leave_iret_hv

        .balign 16
        .globl interrupt_stubs
interrupt_stubs:                        /* vectors 32-255, 16 bytes each */
        .set v, 32
        .rept 224
        .balign 16
        push $0
        movl $v, 4(%rsp)
        jmp interrupt_common
        .set v, v + 1
        .endr

        .balign 16
interrupt_common:
        cld
        PUSH_REGS
        mov %rsp, %rdi
        testb $3, REGS_CS(%rsp)
        jz 1f
        call x86_interrupt
        jmp leave_guest
1:      call x86_interrupt_hv
leave_iret_hv:
        POP_REGS
        add $8, %rsp
        iretq

/*
 * #DB, NMI, #DF, #MC run on stacks of their own (IST), since they may come at any instruction, also
 * where RSP is still the guest's. From a guest, the frame moves to the CPU's proper stack, which is
 * then empty.
 */
exception_ist:
        cld
        PUSH_REGS
        testb $3, REGS_CS(%rsp)
        jz 1f
        mov %rsp, %rsi
        mov %rsp, %rdi
        and $-PERCPU_STRIDE, %rdi
        add $(STACK_TOP - REGS_SIZE), %rdi
        mov %rdi, %rsp
        mov $(REGS_SIZE / 8), %ecx
        rep movsq
        mov %rsp, %rdi
        call x86_trap
        jmp leave_guest
1:      mov %rsp, %rdi
        call x86_trap_hv
        jmp leave_iret_hv

/* resume_guest(): leave with the frame at the top of this CPU's stack; EDI: may SYSRET be used. */
        .globl resume_guest
resume_guest:
        and $-PERCPU_STRIDE, %rsp
        add $(STACK_TOP - REGS_SIZE), %rsp
        mov %edi, %eax
        jmp leave_guest

/* run_on_stack(fn): call fn, which never returns, on this CPU's emptied stack. */
        .globl run_on_stack
run_on_stack:
        and $-PERCPU_STRIDE, %rsp
        add $(STACK_TOP - REGS_SIZE), %rsp
        call *%rdi
        ud2
        .section .note.GNU-stack, "", @progbits
