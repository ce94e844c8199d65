/* Frame numbers, ports and times as one-field structs, so that mixing them up does not compile.
 *
 * mfn: a 4 KiB frame of the machine. pfn: a guest's own numbering (what the M2P table stores). For
 * a PV guest the "gfn" of the ABI is an mfn, so the hypervisor has no third kind. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/bits.h"

#define FRAME_SHIFT 12
#define FRAME_SIZE  4096UL
#define FRAME_MASK  (FRAME_SIZE - 1)

typedef struct {
    uint64_t n;
} mfn_t;

typedef struct {
    uint64_t n;
} pfn_t;

/* Nanoseconds of system time (since the hypervisor started) or a span of it. */
typedef int64_t ns_t;

#define MFN_NONE ((mfn_t){~0UL})

static inline mfn_t mfn(uint64_t n)
{
    return (mfn_t){n};
}

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.n == b.n;
}

static inline mfn_t maddr_mfn(uint64_t maddr)
{
    return (mfn_t){maddr >> FRAME_SHIFT};
}

static inline uint64_t mfn_maddr(mfn_t m)
{
    return m.n << FRAME_SHIFT;
}

/* i if it is below n, else 0, also where a processor only guesses that a check before went well: no
 * table is read beyond its end for a guest that teaches it to guess wrong (Spectre v1). Assembly,
 * because a compiler may make a branch of any C. */
static inline uint64_t index_clamp(uint64_t i, uint64_t n)
{
    uint64_t mask;

    __asm__("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(i), "r"(n) : "cc");
    return i & mask;
}

#define NS_PER_MS  1000000LL
#define NS_PER_SEC 1000000000LL

/* Indirect calls in this function leave a speculating processor nothing to guess (Spectre v2). For
 * the few that guests can bring about; there are no jump tables (room.ninja). */
#ifdef __clang__
#define UNGUIDED_CALLS
#else
#define UNGUIDED_CALLS __attribute__((indirect_branch("thunk-inline")))
#endif

#endif
