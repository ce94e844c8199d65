/* The way of a processor that was sleeping: from real mode, where SIPI starts it, to ap_main().
 *
 * smp.c copies ap_start..ap_end to TRAMPOLINE_MADDR, which the three table pages behind it map one
 * to one together with the hypervisor's slots. The processor finds its number by its APIC id in
 * smp_apic_ids[], and its stack by its number. All of them may run here at once: nothing is
 * written. */
#include "x86/layout.h"
#include "x86/boot/trampoline.h"

#define AT(sym) ((sym) - ap_start + TRAMPOLINE_MADDR)

        .section .rodata
        .balign 16
        .globl ap_start, ap_end
        .hidden ap_start, ap_end
        .code16
ap_start:
        cli
        cld
        xor %ax, %ax
        mov %ax, %ds
        lgdtl AT(ap_gdtr)
        mov $0x20, %eax                 /* CR4.PAE */
        mov %eax, %cr4
        mov $TRAMPOLINE_L4, %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx           /* EFER: LME, NXE, SCE */
        rdmsr
        or $0x901, %eax
        wrmsr
        mov $0x80010033, %eax           /* CR0: PG WP NE ET MP PE: long mode at once */
        mov %eax, %cr0
        ljmpl $0x08, $AT(ap_long)
        .code64
ap_long:
        xor %eax, %eax
        .irp s, ss, ds, es, fs, gs
        mov %eax, %\s
        .endr
        movabs $ap_high, %rax
        jmp *%rax
        .balign 8
ap_gdt: .quad 0, 0x00af9a000000ffff
ap_gdtr:
        .word 15
        .long AT(ap_gdt)
ap_end:

        .text
ap_high:
        mov hv_root(%rip), %rax
        mov %rax, %cr3
        /* This processor's APIC id: leaf 0xb has all its bits, leaf 1 eight of them. */
        xor %eax, %eax
        cpuid
        cmp $0xb, %eax
        jb 1f
        mov $0xb, %eax
        xor %ecx, %ecx
        cpuid
        test %ebx, %ebx
        jnz 2f
1:      mov $1, %eax
        cpuid
        shr $24, %ebx
        mov %ebx, %edx
2:      lea smp_apic_ids(%rip), %rsi
        xor %edi, %edi
3:      cmp smp_cpus(%rip), %edi
        jae 4f
        cmp (%rsi,%rdi,4), %edx
        je 5f
        inc %edi
        jmp 3b
4:      cli                             /* nobody expects this one */
        hlt
        jmp 4b
5:      mov %rdi, %rax
        imul $PERCPU_STRIDE, %rax, %rax
        movabs $(PERCPU_VIRT + STACK_TOP), %rsp
        add %rax, %rsp
        xor %ebp, %ebp
        call ap_main
        ud2
        .section .note.GNU-stack, "", @progbits
