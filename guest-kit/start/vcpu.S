/* Entries that only programs with several vCPUs have. */

/* A further vCPU's first instruction; its stack is its idle thread's. */
    .text
    .globl kit_vcpu_entry
kit_vcpu_entry:
    cld
    fninit
    pushq $0x1f80
    ldmxcsr (%rsp)
    add $8, %rsp
    xor %ebp, %ebp
    call kit_vcpu_main
    ud2

/* As kit_entry_upcall (start/entry.S), but for the vCPU that GS tells: 8 is `info` (start/cpu.h). */
    .balign 16
    .globl kit_entry_upcall_any
kit_entry_upcall_any:
    push %rax
    mov %gs:8, %rax
    movb $1, 1(%rax)                    /* evtchn_upcall_mask */
    mov 16(%rsp), %r11
    mov 48(%rsp), %rcx                  /* rsp */
    mov 24(%rsp), %rax                  /* rip */
    mov %rax, -8(%rcx)
    mov 8(%rsp), %rax                   /* rcx */
    mov %rax, -16(%rcx)
    pushq 40(%rsp)                      /* rflags */
    popfq
    pop %rax
    lea -16(%rcx), %rsp
    pop %rcx
    ret

    .section .note.GNU-stack, "", @progbits
