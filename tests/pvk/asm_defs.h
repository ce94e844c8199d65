/* What the assembler and the C half of the test kernel must agree on. */
#ifndef PVK_ASM_DEFS_H
#define PVK_ASM_DEFS_H

#define VIRT_BASE 0xffffffff80000000

/* One area per vCPU, aligned to its size so that a stack pointer tells whose it is (pvk.h,
 * this_cpu). */
#define VCPU_AREA_SIZE       0x10000
#define MAIN_STACK_TOP       0x9000
#define USER_ENTRY_STACK_TOP 0x10000

/* Vectors past the processor's: the callbacks a PV guest registers. */
#define VEC_EVENT     0x100
#define VEC_SYSCALL   0x101
#define VEC_FAILSAFE  0x102
#define VEC_SYSCALL32 0x103
#define VEC_SYSENTER  0x104
#define VEC_NMI       0x105

#ifdef __ASSEMBLER__
#define __HYPERVISOR_iret 23
#endif

#endif
