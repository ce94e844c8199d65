/* The address space of Argon: L4 slots 256-271, the same in every page table of the machine.
 *
 * - slot 256: M2P, read-only, seen by guests (8 bytes a frame)
 * - slot 257: M2P, writable
 * - slot 258: frame words, struct frame_info arrays (core/frame/frame.h)
 * - slot 260: the image, per-CPU blocks, descriptor windows, device mappings
 * - slot 262: direct map of all RAM, to the end of slot 271 (5 TiB)
 *
 * Slots 259, 261 stay empty. Sizes of the parts of slot 260 are in MiB steps below; image and
 * per-CPU blocks lie within 2 GiB so that both reach each other with 32-bit displacements. */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define M2P_VIRT      0xffff800000000000
#define M2P_RW_VIRT   0xffff808000000000
#define FRAMES_VIRT   0xffff810000000000
#define IMAGE_VIRT    0xffff820040000000 /* the byte at physical IMAGE_PHYS */
#define IMAGE_PHYS    0x200000           /* 2 MiB aligned as IMAGE_VIRT is */
#define PERCPU_VIRT   0xffff820060000000 /* cpu * PERCPU_STRIDE */
#define PERCPU_STRIDE 0x10000
#define IOMAP_VIRT    0xffff8200c0000000 /* 1 GiB of device memory, mapped uncached */
#define WINDOW_VIRT   0xffff820400000000 /* descriptor window of vcpu slot w: + w * window_stride */
#define WINDOW_END    0xffff820800000000
#define WINDOW_STRIDE 0x20000 /* 16 GDT pages, then 16 LDT pages; 2 MiB apart with XPTI */
#define DIRECT_VIRT   0xffff830000000000

/* A per-CPU block: page 0 entry stub (RX), 1-2 struct percpu, 3 own GDT page, 4-7 IST stacks, 8-11
 * unmapped guard, 12-15 the stack. */
#define PERCPU_DATA 0x1000
#define PERCPU_GDT  0x3000
#define PERCPU_IST  0x4000
#define STACK_TOP   0x10000

#define MAX_CPUS 64

#endif
