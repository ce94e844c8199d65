/* The direct map and the M2P table of x86 (x86/layout.h). */
#ifndef X86_PORT_FRAME_H
#define X86_PORT_FRAME_H

#include "x86/layout.h"

/* The frame words (core/frame/frame.h); the marks follow behind the last one. */
#define frame_words ((uint64_t *)FRAMES_VIRT)

static inline void *mfn_ptr(mfn_t m)
{
    return (void *)(DIRECT_VIRT + (m.n << FRAME_SHIFT));
}

static inline mfn_t ptr_mfn(const void *p)
{
    return (mfn_t){((uintptr_t)p - DIRECT_VIRT) >> FRAME_SHIFT};
}

static inline uint64_t *m2p_slot(mfn_t m)
{
    return (uint64_t *)M2P_RW_VIRT + m.n;
}

#endif
