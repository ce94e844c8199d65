/* Entries that only programs with several vCPUs have. */
#include "start/upcall.inc"

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

    UPCALL kit_entry_upcall_any, %gs:8          /* of the vCPU that GS tells: info, start/cpu.h */

    .section .note.GNU-stack, "", @progbits
