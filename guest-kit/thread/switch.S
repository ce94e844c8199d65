/*
 * The change from one thread to another: a call that returns in another thread. Only what a call must
 * keep is saved; the FPU's control words are the same for all threads.
 */
    .text
    .globl kit_switch
kit_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov (%rsi), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

/* Where a new thread begins; rbp is 0, so backtraces end here. */
    .globl kit_thread_entry
kit_thread_entry:
    call kit_thread_main
    ud2

    .section .note.GNU-stack, "", @progbits
