/* Code that runs in user mode, mapped at USER_TEXT; each piece ends in a trap or system call. */
    .section .user, "ax"
    .balign 64
    .globl user_syscall, user_syscall_twice, user_ud2, user_read, user_write, user_exec, user_spin
    .globl user_int3, user_cpuid, user_in, user_cli, user_hlt, user_rdtsc, user_int80, user_div

/* rdi goes to rax, then SYSCALL */
user_syscall:
    mov %rdi, %rax
user_syscall_insn:
    syscall
    ud2
user_syscall_twice:
    mov %rdi, %rax
    syscall
    mov %rax, %rdi
    mov %rsi, %rax
    syscall
    ud2
user_ud2:
    ud2
user_read:
    mov (%rdi), %rax
    ud2
user_write:
    mov %rsi, (%rdi)
    ud2
user_exec:
    jmp *%rdi
user_spin:
    incq (%rdi)
    jmp user_spin
user_int3:
    int3
    ud2
user_cpuid:
    mov %rdi, %rax
    mov %rsi, %rcx
    cpuid
    ud2
user_in:
    mov %rdi, %rdx
    in %dx, %al
    ud2
user_cli:
    cli
    ud2
user_hlt:
    hlt
    ud2
user_rdtsc:
    rdtsc
    ud2
user_int80:
    int $0x80
    ud2
user_div:
    xor %edx, %edx
    xor %ecx, %ecx
    div %ecx
    ud2

    .section .note.GNU-stack, "", @progbits
