/* The ways in and out on a processor that must be defended there: they lie around the ordinary ones
 * of entry.S, which know nothing of them. On other processors nothing here runs.
 *
 *   in    SYSCALL's stub and the gates of the IDT lead here (x86/guard.c); what is chosen is done,
 *         all registers and the stack are as they were, and the ordinary entry follows
 *   out   the last instructions of each exit (GUARD_EXIT in entry.S) are a jump to here
 *
 * Blocks that are not chosen become a jump over themselves at boot, so no decision is left to
 * predict. With XPTI (x86/xpti.c) nothing but the pages of this section, the IDT, the CPU's own
 * block and the vcpu's descriptor window is mapped before the first load of CR3 and after the
 * last. */
#include "x86/guard_block.h"
#include "x86/layout.h"
#include "hypervisor/offsets.h"

.macro BLOCK what
        .pushsection .guard_sites, "a"
        .balign 4
        .long 8f - ., 9f - ., \what
        .popsection
8:
.endm
.macro END
9:
.endm

.macro SAVE
        push %rax
        push %rcx
        push %rdx
.endm
.macro RESTORE
        pop %rdx
        pop %rcx
        pop %rax
.endm

.macro BLOCK_ADDRESS                    /* of this CPU's block, from the stack */
        mov %rsp, %rax
        and $-PERCPU_STRIDE, %rax
.endm

        .section .guard, "ax"

/* Between SAVE and RESTORE. RSP is on one of this CPU's stacks. */
.macro GUARD_IN
        BLOCK BLOCK_XPTI
        BLOCK_ADDRESS
        mov PERCPU_DATA + PERCPU_CR3(%rax), %rax
        shl $12, %rax
        mov %rax, %cr3
        END
        BLOCK BLOCK_IBRS
        mov $0x48, %ecx
        mov guard_ctrl_in(%rip), %eax
        xor %edx, %edx
        wrmsr
        END
        BLOCK BLOCK_IBPB
        BLOCK_ADDRESS
        cmpb $0, PERCPU_DATA + PERCPU_DISTRUST(%rax)
        je 1f
        mov $0x49, %ecx
        mov $1, %eax
        xor %edx, %edx
        wrmsr
1:
        END
        BLOCK BLOCK_RSB                 /* 32 calls, whose returns lead nowhere */
        mov $16, %ecx
1:      call 2f
3:      pause
        lfence
        jmp 3b
2:      call 4f
3:      pause
        lfence
        jmp 3b
4:      dec %ecx
        jnz 1b
        add $256, %rsp
        END
.endm

        .balign 16
        .irp name, syscall, syscall32, sysenter
        .globl guarded_\name
guarded_\name:
        SAVE
        GUARD_IN
        RESTORE
        jmp entry_\name
        .endr

/* One for each vector, 16 bytes each. Also for what interrupts the hypervisor: it may have been
 * here, with the guest's CR3. */
        .balign 16
        .globl guarded_gates
guarded_gates:
        .set v, 0
        .rept 256
        .balign 16
        push $v
        jmp guarded_gate
        .set v, v + 1
        .endr

guarded_gate:
        SAVE
        GUARD_IN
        mov 24(%rsp), %rcx              /* the vector; its gate's own target takes its place */
        lea guard_targets(%rip), %rax
        mov (%rax, %rcx, 8), %rax
        mov %rax, 24(%rsp)
        RESTORE
        ret

/* Out: all registers are the guest's but RSP, which is in this CPU's frame. An NMI that comes
 * behind \name\()_cr3 returns with the hypervisor's CR3; guard_fix_exit() sends it back to
 * \name\()_again while the registers are still saved, and to the beginning after that. */
.macro GUARD_OUT name
        .globl guarded_\name, \name\()_again, \name\()_cr3, \name\()_popped, \name\()_done
guarded_\name:
        SAVE
\name\()_again:
        BLOCK BLOCK_ROOT
        BLOCK_ADDRESS
        mov PERCPU_DATA + PERCPU_CURRENT(%rax), %rcx
        cmp %rcx, PERCPU_DATA + PERCPU_ROOT_VCPU(%rax)
        jne 1f
        mov PERCPU_DATA + PERCPU_CR3(%rax), %rcx
        cmp %rcx, PERCPU_DATA + PERCPU_ROOT_L4(%rax)
        je 2f
1:      call guarded_refresh
2:
        END
        BLOCK BLOCK_IBRS
        mov $0x48, %ecx
        mov guard_ctrl_out(%rip), %eax
        xor %edx, %edx
        wrmsr
        END
        BLOCK BLOCK_XPTI
        BLOCK_ADDRESS
        mov PERCPU_DATA + PERCPU_ROOT(%rax), %rax
        mov %rax, %cr3
        END
\name\()_cr3:
        mov (%rsp), %rdx
        mov 8(%rsp), %rcx
        mov 16(%rsp), %rax
        lea 24(%rsp), %rsp
\name\()_popped:
        BLOCK BLOCK_VERW
        verw guard_selector(%rip)
        END
.endm

        GUARD_OUT sysret
        /* The guest's RSP is the last word but one of the stack. */
        or $(PERCPU_STRIDE - 1), %rsp
        mov -15(%rsp), %rsp
sysret_done:
        sysretq

        GUARD_OUT iret
iret_done:                              /* a fault here belongs to the guest: x86/trap.c */
        iretq

guarded_refresh:
        .irp r, rsi, rdi, r8, r9, r10, r11
        push %\r
        .endr
        call guard_refresh
        .irp r, r11, r10, r9, r8, rdi, rsi
        pop %\r
        .endr
        ret

guard_selector:                         /* HV_DS: VERW wants a segment that can be written */
        .word 0xe010
        .section .note.GNU-stack, "", @progbits
