/*
 * The shortest guest side of each path that is measured, so that what is counted is the hypervisor.
 * Frames at entry: rcx, r11, [error code], rip, cs, rflags, rsp, ss.
 */
#include "asm_defs.h"

#define HYPERCALL_set_segment_base 25

    .text
/* Page fault on the 3-byte load below, back by IRETQ: an own-mode return needs no hypercall. */
    .balign 64
    .globl bench_fault_iretq
bench_fault_iretq:
    pop %rcx
    pop %r11
    add $8, %rsp
    addq $3, (%rsp)
    orb $3, 8(%rsp)
    iretq

/* The same, back by the IRET hypercall; also serves user-mode faults. */
    .balign 64
    .globl bench_fault_hypercall
bench_fault_hypercall:
    pop %rcx
    pop %r11
    addq $3, 8(%rsp)
    movq $0, (%rsp)
    push %rcx
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2

/* uint64_t bench_touch(unsigned int n, void *unmapped): n faulting loads. */
    .balign 64
    .globl bench_touch
bench_touch:
1:  mov (%rsi), %rax
    dec %edi
    jnz 1b
    ret

/* Guest system call, answered at once. */
    .balign 64
    .globl bench_syscall
bench_syscall:
    pop %rcx
    pop %r11
    push $0
    push %rcx
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2
/* The same, but telling the hypervisor that it may leave by SYSRET. */
    .balign 64
    .globl bench_syscall_sysret
bench_syscall_sysret:
    pop %rcx
    pop %r11
    push $0x100
    push %rcx
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2

/* Event upcall: notes the time, takes the event back, returns by IRETQ with upcalls enabled again. */
    .balign 64
    .globl bench_event
bench_event:
    push %rax
    push %rdx
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, bench_event_tsc(%rip)
    mov bench_event_word(%rip), %rax
    movq $0, (%rax)
    mov bench_vcpu_info(%rip), %rax
    movq $0, 8(%rax)
    movb $0, (%rax)
    movb $0, 1(%rax)
    pop %rdx
    pop %rax
    pop %rcx
    pop %r11
    orb $3, 8(%rsp)
    iretq

    .bss
    .balign 8
    .globl bench_event_tsc, bench_event_word, bench_vcpu_info
bench_event_tsc:
    .quad 0
bench_event_word:
    .quad 0
bench_vcpu_info:
    .quad 0

    .section .user, "ax"
/* rdi times SYSCALL; ticks in rax. */
    .balign 64
    .globl bench_user_syscalls, bench_user_touches, bench_user_loop
bench_user_syscalls:
    mov %rdi, %rbx
    rdtsc
    mov %rax, %r12
1:  mov $39, %eax
    syscall
    dec %rbx
    jnz 1b
    rdtsc
    sub %r12d, %eax
    ud2
/* rdi loads from rsi, each of which faults and is stepped over. */
bench_user_touches:
    mov %rdi, %rbx
    rdtsc
    mov %rax, %r12
1:  mov (%rsi), %rdx
    dec %rbx
    jnz 1b
    rdtsc
    sub %r12d, %eax
    ud2
/* The loop alone. */
bench_user_loop:
    mov %rdi, %rbx
    rdtsc
    mov %rax, %r12
1:  mov $39, %eax
    dec %rbx
    jnz 1b
    rdtsc
    sub %r12d, %eax
    ud2

    .section .note.GNU-stack, "", @progbits
