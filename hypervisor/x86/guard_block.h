/* Parts of entry/guarded.S, each chosen or jumped over (x86/guard.c). Also for assembler. */
#ifndef X86_GUARD_BLOCK_H
#define X86_GUARD_BLOCK_H

#define BLOCK_XPTI 0
#define BLOCK_IBRS 1
#define BLOCK_IBPB 2
#define BLOCK_RSB  3
#define BLOCK_VERW 4
#define BLOCK_ROOT 5 /* keep percpu.root and percpu.distrust up to date */

/* Kinds of exits that lead there (GUARD_EXIT in entry.S). */
#define GUARD_EXIT_SYSRET 0
#define GUARD_EXIT_IRET   1

#endif
