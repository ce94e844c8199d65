/* Products of 128 bits on the way to a 64-bit result, which C would need a library for. */
#ifndef X86_MULDIV_H
#define X86_MULDIV_H

#include "base/num.h"

/* a * b / c; the result must fit in 64 bits, else the processor faults. */
static inline uint64_t muldiv(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t high, quotient;

    __asm__("mul %3\n\tdiv %4" : "=&d"(high), "=&a"(quotient) : "1"(a), "r"(b), "r"(c) : "cc");
    return quotient;
}

/* a * b >> 32, as the ABI's pvclock has it. */
static inline uint64_t mul_frac(uint64_t a, uint32_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 32);
}

#endif
