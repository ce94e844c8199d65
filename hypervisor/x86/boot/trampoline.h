/* Where the start-up code of the other processors runs: four pages of low memory. */
#ifndef X86_BOOT_TRAMPOLINE_H
#define X86_BOOT_TRAMPOLINE_H

#define TRAMPOLINE_MADDR                                                                           \
    0x8000 /* below 640 KiB, page-aligned: the SIPI vector is its page number */
#define TRAMPOLINE_L4   0x9000
#define TRAMPOLINE_L3   0xa000
#define TRAMPOLINE_L2   0xb000
#define TRAMPOLINE_SIZE 0x4000

#endif
