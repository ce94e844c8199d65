/* From the boot loader (multiboot 1 or 2, 32-bit, paging off) to C in long mode.
 *
 * Builds the first page tables: the low 4 GiB one to one, the image at IMAGE_VIRT, and the boot
 * CPU's own block, so that C finds its per-CPU struct from the first line on. paging.c replaces
 * them. In: EAX the loader's magic, EBX its information; both go to x86_start(). */
#include "x86/layout.h"

#define PHYS(sym) ((sym) - IMAGE_VIRT + IMAGE_PHYS)
#define PTE_TABLE 0x003
#define PTE_2M    0x083

/* `count` entries of a table from `value` on, `step` apart. */
.macro FILL table, value, count, step
        mov $PHYS(\table), %edi
        mov $(\value), %eax
        mov $\count, %ecx
1:      mov %eax, (%edi)
        movl $0, 4(%edi)
        add $8, %edi
        add $\step, %eax
        loop 1b
.endm

        .balign 8
        /* Multiboot 1: align modules, tell memory. */
        .long 0x1BADB002, 0x3, -(0x1BADB002 + 0x3)

        .balign 8
mb2:    /* Multiboot 2, i386; tags: align modules, end. */
        .long 0xE85250D6, 0, mb2_end - mb2, -(0xE85250D6 + (mb2_end - mb2))
        .short 6, 0
        .long 8
        .short 0, 0
        .long 8
mb2_end:

        .section .text.boot, "ax"
        .code32
        .globl start32
start32:
        cli
        cld
        mov $PHYS(boot_stack_end), %esp
        mov %eax, %ebp
        mov %ebx, %esi

        mov $PHYS(image_bss), %edi
        mov $PHYS(image_end), %ecx
        sub %edi, %ecx
        shr $2, %ecx
        xor %eax, %eax
        rep stosl

        mov $0x80000000, %eax
        cpuid
        cmp $0x80000001, %eax
        jb no_long_mode
        mov $0x80000001, %eax
        cpuid
        bt $29, %edx
        jnc no_long_mode
        bt $20, %edx
        jnc no_nx
        mov %esi, %ebx

        /* One to one: four L2 tables of 2 MiB pages. */
        FILL boot_l2, PTE_2M, 2048, 0x200000
        FILL boot_l3, PHYS(boot_l2) + PTE_TABLE, 4, 4096
        movl $(PHYS(boot_l3) + PTE_TABLE), PHYS(boot_l4)

        /* The image (4 MiB of it) and the boot CPU's block: L4 slot 260, L3 slot 1. */
        movl $(PHYS(boot_l3_hv) + PTE_TABLE), PHYS(boot_l4) + 260 * 8
        movl $(PHYS(boot_l2_hv) + PTE_TABLE), PHYS(boot_l3_hv) + 1 * 8
        movl $(IMAGE_PHYS + PTE_2M), PHYS(boot_l2_hv)
        movl $(IMAGE_PHYS + 0x200000 + PTE_2M), PHYS(boot_l2_hv) + 8
        movl $(PHYS(boot_l1_percpu) + PTE_TABLE), PHYS(boot_l2_hv) + 256 * 8
        FILL boot_l1_percpu, PHYS(boot_block) + PTE_TABLE, 16, 4096

        mov $0x20, %eax                 /* CR4.PAE */
        mov %eax, %cr4
        mov $PHYS(boot_l4), %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx           /* EFER: LME, NXE, SCE */
        rdmsr
        or $0x901, %eax
        wrmsr
        mov $0x80010033, %eax           /* CR0: PG WP NE ET MP PE */
        mov %eax, %cr0
        lgdt PHYS(boot_gdtr)
        ljmp $0x08, $PHYS(start64)

no_long_mode:
        mov $PHYS(msg_lm), %esi
        jmp 1f
no_nx:
        mov $PHYS(msg_nx), %esi
1:      mov $0xb8000, %edi
2:      lodsb
        test %al, %al
        jz 4f
        mov $0x07, %ah
        stosw
        mov %al, %bl
        out %al, $0xe9
        mov $0x3fd, %dx
        mov $100000, %ecx
3:      in (%dx), %al                   /* wait until the UART takes a byte, but not for ever */
        test $0x20, %al
        loopz 3b
        mov $0x3f8, %dx
        mov %bl, %al
        out %al, (%dx)
        jmp 2b
4:      hlt
        jmp 4b

        .code64
start64:
        movabs $start_high, %rax
        jmp *%rax
start_high:
        xor %eax, %eax
        .irp s, ss, ds, es, fs, gs
        mov %eax, %\s
        .endr
        movabs $(PERCPU_VIRT + STACK_TOP), %rsp
        mov %ebp, %edi
        mov %ebx, %esi
        call x86_start
        ud2

        .section .rodata
msg_lm: .asciz "Argon: this processor has no long mode (64-bit); use a 64-bit processor or QEMU's -cpu qemu64\r\n"
msg_nx: .asciz "Argon: this processor lacks NX (no-execute), which PV guests need; enable it in the firmware\r\n"
        .balign 8
boot_gdt:
        .quad 0, 0x00af9a000000ffff
boot_gdtr:
        .word 15
        .quad PHYS(boot_gdt)

        .section .bss.aligned, "aw", @nobits
        .balign 4096
boot_l4:        .skip 4096
boot_l3:        .skip 4096
boot_l2:        .skip 4 * 4096
boot_l3_hv:     .skip 4096
boot_l2_hv:     .skip 4096
boot_l1_percpu: .skip 4096
        .globl boot_block
boot_block:     .skip 16 * 4096
boot_stack:     .skip 512
boot_stack_end:
        .section .note.GNU-stack, "", @progbits
