/* Ways in from a guest and back: SYSCALL, exceptions, interrupts; SYSRET and IRET.
 *
 * Each entry leaves a struct guest_regs (x86/port_vcpu.h) at the very top of the CPU's stack:
 *
 *      ss rsp rflags cs rip | entry:error_code | r8 r10 rdx rsi rdi | r9 rax rcx r11 | rbx rbp r12-r15
 *
 * and passes its address to C. Interrupts are off all the time. GS and FS stay the guest's. The
 * frame is always whole, but the way out need not read it all: C keeps rbx, rbp, r12-r15 as they
 * were, so unless the frame's have been changed ("quick", entry.h) they are left alone. An
 * exception from the hypervisor itself (a fault with a fix-up, an interrupt in idle) pushes the
 * same frame below what is on the stack. */
#include "x86/guard_block.h"
#include "x86/layout.h"
#include "hypervisor/offsets.h"

#define FLAT_CS 0xe033
#define FLAT_SS 0xe02b

.macro PUSH_REGS
        .irp r, r8, r10, rdx, rsi, rdi, r9, rax, rcx, r11, rbx, rbp, r12, r13, r14, r15
        push %\r
        .endr
.endm

.macro POP_REGS
        .irp r, r15, r14, r13, r12, rbp, rbx
        pop %\r
        .endr
        POP_SCRATCH
.endm

/* The registers that C does not keep. */
.macro POP_SCRATCH
        pop %r11
        pop %rcx
        POP_REST
.endm
.macro POP_REST
        pop %rax
        POP_ARGS
.endm
.macro POP_ARGS
        .irp r, r9, rdi, rsi, rdx, r10, r8
        pop %\r
        .endr
.endm

/* The last instructions of a way out, 5 bytes or more: a jump to entry/guarded.S takes their place
 * on processors that need it. All registers are the guest's but RSP, which is in this CPU's frame
 * (at its RIP for IRET). */
.macro GUARD_EXIT kind
        .pushsection .guard_exits, "a"
        .balign 4
        .long 8f - ., \kind
        .popsection
8:
.endm

/* The last of a SYSRET: RSP at entry:error_code. */
.macro SYSRET
        mov REGS_RIP - REGS_ERROR(%rsp), %rcx
        mov REGS_RFLAGS - REGS_ERROR(%rsp), %r11
        GUARD_EXIT GUARD_EXIT_SYSRET
        mov REGS_RSP - REGS_ERROR(%rsp), %rsp
        sysretq
.endm

/* A field of this CPU's struct percpu, while RSP is at the frame that the top of the stack has. */
#define OF_PERCPU(field) (PERCPU_DATA + (field) - STACK_TOP + REGS_SIZE)(%rsp)

        .text

/* The stubs that LSTAR and CSTAR name, copied to the first page of each CPU's block: RIP-relative
 * offsets then reach that block. percpu_alloc() makes the jumps at their ends good. */
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

/* A hypercall, from a guest's kernel, is done here as far as it goes without C: what this costs,
 * every hypercall costs. IRET is the one whose result is no return value. */
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
        mov OF_PERCPU(PERCPU_CURRENT), %rdi
        cmpb $0, VCPU_IN_KERNEL(%rdi)
        je user_syscall
        test %rcx, %rcx
        jns low_rip
1:      cmp $HYPERCALL_IRET, %rax
        je hypercall_iret
        mov %rax, %rdx
        lea REGS_ARG(%rsp), %rsi
        call hc_call
        cmp $HC_AGAIN, %rax
        je call_again
        cmpl $0, OF_PERCPU(PERCPU_WORK)
        jne call_slow
        mov OF_PERCPU(PERCPU_CURRENT), %rdx
        mov VCPU_INFO(%rdx), %rdx
        cmpb $0, INFO_PENDING(%rdx)
        jne call_event
2:      add $REGS_R9, %rsp
        POP_ARGS
        SYSRET

call_event:
        cmpb $0, INFO_MASK(%rdx)
        jne 2b
        mov %rax, REGS_RAX(%rsp)
        mov %rsp, %rdi
        call x86_leave_event
        jmp leave_guest
call_slow:
        mov %rax, REGS_RAX(%rsp)
call_left:
        mov %rsp, %rdi
        call x86_leave
        jmp leave_guest

call_again:                             /* rax still is the number */
        subq $2, REGS_RIP(%rsp)
        jmp call_left

/* SYSRET to an address that is not canonical faults in ring 0 (checklist B1). After SYSCALL in the
 * last two bytes of the lower half, and only then, RIP is such a one. */
low_rip:
        mov %rcx, %rdx
        shr $47, %rdx
        jz 1b
        movl $0, REGS_ENTRY(%rsp)       /* ENTRY_IRET */
        mov %rax, %rdx
        lea REGS_ARG(%rsp), %rsi
        call hc_call
        cmp $HC_AGAIN, %rax
        je call_again
        jmp call_slow

hypercall_iret:
        mov %rsp, %rsi
        call x86_hypercall_iret
        cmp $LEAVE_QUICK_IRET, %eax
        je leave_quick_iret
        jmp leave_guest

user_syscall:
        mov %rsp, %rsi
        call x86_user_syscall

/* EAX: LEAVE_* of entry.h. The frame is at RSP. */
        .globl leave_guest
leave_guest:
        test %eax, %eax
        jnz 1f
        add $REGS_RAX, %rsp
        POP_REST
        SYSRET
1:      cmp $LEAVE_IRET, %eax
        ja leave_sysret
        je leave_iret

leave_quick_iret:
        add $REGS_R11, %rsp
        POP_SCRATCH
        add $8, %rsp
        jmp guest_iret

leave_sysret:
        POP_REGS
        SYSRET

        .globl leave_iret
leave_iret:
        POP_REGS
        add $8, %rsp
        .globl guest_iret
guest_iret:                             /* a fault here belongs to the guest: x86/trap.c */
        GUARD_EXIT GUARD_EXIT_IRET
        iretq
        int3
        int3
        int3

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
        push $2                         /* NT would make our IRET fault (XSA-44), AC undo SMAP */
        popf
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

        .irp v, 0, 3, 4, 5, 6, 7, 9, 15, 16, 19, 20, 22, 23, 24, 25, 26, 27, 28, 31
        EXCEPTION \v
        .endr
        .irp v, 10, 11, 12, 13, 17, 21, 29, 30
        EXCEPTION \v, has_error=1
        .endr
        .irp v, 1, 2, 18
        EXCEPTION \v, ist=1
        .endr
        EXCEPTION 8, has_error=1, ist=1

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

/* Page faults are too many to be looked for among the others. */
        .balign 16
exception_14:                           /* entry is 0, ENTRY_IRET */
        cld
        PUSH_REGS
        mov %rsp, %rdi
        testb $3, REGS_CS(%rsp)
        jz 2f
        call x86_page_fault
        jmp leave_guest
2:      movl $14, REGS_ENTRY(%rsp)
        jmp 1b

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

/* #DB, NMI, #DF, #MC run on stacks of their own (IST), since they may come at any instruction, also
 * where RSP is still the guest's. From a guest, the frame moves to the CPU's proper stack, which is
 * then empty. */
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

/* resume_guest(): leave with the frame at the top of this CPU's stack; EDI: LEAVE_*, none quick. */
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
